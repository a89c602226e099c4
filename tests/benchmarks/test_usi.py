"""The study of USI: its cells, and its table from results made by hand."""

import argparse

import pytest
import usi

from keras_kd.configs import usi as recipe


def options(thin=False):
    return argparse.Namespace(thin=thin, data_dir="here", weights="there.npz")


def test_every_network_learns_by_both_a_seed():
    cells = {cell.name: cell for cell in usi.list_cells(options())}
    assert len(cells) == 1 + 3 * 4 * 2
    taught, alone = cells["resnet-usi-1"], cells["resnet-labels-1"]
    assert taught.needs == ("teacher",) and alone.needs == () and taught.facts["seed"] == 1
    one, other = (usi.config_of(cell.facts, options()) for cell in (taught, alone))
    for key in recipe.settings(128):
        assert one.distil[key] == other.baseline[key], key
    assert taught.facts["config.distil.repeats"] == alone.facts["config.baseline.repeats"] == 3
    assert taught.images == 20 * 5000
    for cell in cells.values():
        assert "here" not in str(cell.facts) and "there" not in str(cell.facts)
    assert len(usi.list_cells(options(thin=True))) == 1 + 4 * 2


def test_the_gain_is_within_a_seed():
    def result(kind, seed, accuracy):
        facts = {"kind": kind, "seed": seed, "backbone": "resnet"}
        return {"facts": facts, "accuracy": accuracy, "parameters": 1234}

    results = [{"facts": {"kind": "teacher"}, "accuracy": 0.9}]
    for seed, (labels, taught) in enumerate([(0.5, 0.6), (0.4, 0.7)]):
        results += [result("labels", seed, labels), result("usi", seed, taught)]
    found = usi.aggregate(results)
    assert found["teacher"] == 0.9 and list(found["networks"]) == ["resnet"]
    assert found["networks"]["resnet"]["gain"]["mean"] == pytest.approx(0.2)
    line = usi.table(found).splitlines()[-1]
    assert line.startswith("| ResNet-14 | 1,234 | 45.00") and "+20.00" in line
