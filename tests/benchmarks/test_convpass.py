"""The study of Convpass: its cells, what each lets learn, and its table from results by hand."""

import argparse

import convpass
import pytest

from keras_kd import models


def options(thin=False):
    return argparse.Namespace(thin=thin, data_dir="a_place")


def test_one_transformer_is_tuned_in_every_way():
    cells = {cell.name: cell for cell in convpass.list_cells(options())}
    assert len(cells) == 1 + 3 * 2 * 3
    first = cells["pretrained"]
    assert first.images == 6 * 20_000 and first.facts["config.teacher.model.kwargs.depth"] == 4
    one, other = cells["convpass-tenth-1"], cells["head-all-1"]
    assert one.needs == other.needs == ("pretrained",)
    assert (one.facts["split"], other.facts["split"]) == ("train[:72]", "train")
    assert one.facts["adapters"]["dim"] == 8 and "adapters" not in other.facts
    for key in ("steps", "batch", "view", "seed"):
        assert one.facts[key] == other.facts[key], key
    assert "a_place" not in str([cell.facts for cell in cells.values()])
    assert len(convpass.list_cells(options(thin=True))) == 1 + 3 * 2
    seconds = sum(cell.images / convpass.RATES[cell.facts["kind"]] for cell in cells.values())
    assert seconds < 3600


def test_what_learns_in_each_way(tmp_path, monkeypatch):
    tiny = {"variant": "Ti", "patch": 16, "width": 12, "depth": 1, "heads": 3, "mlp_width": 12}
    monkeypatch.setattr(convpass, "VIT", tiny)
    models.build("vit", 10, (32, 32, 3), **tiny).save(tmp_path / "vit.keras")
    names = {}
    for way in convpass.WAYS:
        model = convpass.network_of(way, str(tmp_path / "vit.keras"))
        assert model.output_shape == (None, 12)
        names[way] = {v.path.split("/")[0] for v in model.trainable_variables}
    assert names["head"] == {"logits"}
    adapters = {"block1_attention_convpass", "block1_mlp_convpass"}
    assert names["convpass"] == {"logits", *adapters}
    assert names["full"] > {"logits", "stem", "positions", "block1_query"}


def test_the_lead_is_within_a_seed():
    def result(way, images, seed, accuracy):
        facts = {"kind": way, "images": images, "seed": seed}
        own = {"trained": 1234, "memory": 5e7, "step": 0.123}
        return {"facts": facts, "accuracy": accuracy, **own}

    results = [{"facts": {"kind": "pretrained"}, "accuracy": 0.5}]
    for seed, (head, adapters) in enumerate([(0.5, 0.6), (0.4, 0.7)]):
        results.append(result("head", "all", seed, head))
        results.append(result("convpass", "all", seed, adapters))
    found = convpass.aggregate(results)
    assert found["pretrained"] == 0.5 and list(found["ways"]) == ["head", "convpass"]
    assert found["ways"]["head"]["lead"]["all"]["mean"] == pytest.approx(0.2)
    *_, head, adapters = convpass.table(found).splitlines()
    start, end = "| classifier alone | 1,234 | 50 | 123 | \N{EN DASH} | 45.00", "+20.00"
    assert head.startswith(start) and end in head
    assert adapters.startswith("| Convpass | 1,234 |") and adapters.count("\N{EN DASH}") == 3
