"""Pairs of runs: counted on the images that tell them apart, or refused with the reason."""

import json

import numpy as np
import pytest

from keras_kd.export import runs_paired
from keras_kd.export.runs_page import headline, shown_runs


def change(workdir, **values):
    path = workdir / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(workdirs):
    found = runs_paired.paired(shown_runs(workdirs))
    assert not found["rows"]
    ((pairs, why),) = found["refused"]
    assert pairs == "first and second"
    return why


def test_a_pair(two_runs):
    (row,) = runs_paired.paired(shown_runs(two_runs))["rows"]
    # Three of 30 images are the first's alone: McNemar's probability is 2 / 2**3.
    assert row["only"] == (3, 0) and row["same"] == 0.9
    assert row["difference"] == "+10.00" and row["chance"] == "0.250"
    assert row["verdict"] == "may be chance"


def test_a_sure_difference(two_runs):
    stored = dict(np.load(two_runs[1] / "predictions.npz"))
    stored["student_logits"][:20] = np.roll(stored["teacher_logits"][:20], 1, axis=-1)
    np.savez(two_runs[1] / "predictions.npz", **stored)
    shown = shown_runs(two_runs)
    (row,) = runs_paired.paired(shown)["rows"]
    assert row["chance"] == "< 0.001" and row["verdict"] == "first is better"
    assert headline(shown).endswith("which is more than chance.")


def test_other_classes_and_other_images(two_runs):
    names = json.loads((two_runs[0] / "report.json").read_text())["classes"]
    change(two_runs[1], classes=names[::-1])
    assert refused(two_runs) == "their class lists differ"
    change(two_runs[1], classes=names)
    stored = dict(np.load(two_runs[1] / "predictions.npz"))
    stored["label"] = np.roll(stored["label"], 1)
    np.savez(two_runs[1] / "predictions.npz", **stored)
    assert refused(two_runs) == "they were tested on other images, or in another order"
    assert "not tested on the same images" in headline(shown_runs(two_runs))
    change(two_runs[1], dataset="folder:flowers")
    assert "(digits test against folder:flowers test)" in refused(two_runs)


def test_answers_that_are_missing_or_damaged(two_runs):
    (two_runs[0] / "predictions.npz").write_bytes(b"PK half a file")
    assert refused(two_runs).startswith("first keeps no answers")
    change(two_runs[1], student=None)
    (two_runs[0] / "predictions.npz").unlink()
    (two_runs[0] / "report.json").unlink()
    assert refused(two_runs) == "first is not finished"


@pytest.mark.parametrize(("count", "pairs"), [(2, 1), (4, 6), (5, 4)])
def test_many_runs_are_only_compared_with_the_first(two_runs, count, pairs):
    shown = (shown_runs(two_runs) * 3)[:count]
    found = runs_paired.paired(shown)
    assert len(found["rows"]) == pairs
    assert ("of 4 such tests" in found["note"]) == (pairs == 4)


def test_probability():
    assert [runs_paired.probability(p) for p in (1, 0.0416, 0.001, 0.00099)] == [
        "1.000",
        "0.042",
        "0.001",
        "< 0.001",
    ]
