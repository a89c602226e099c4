"""A finished run made longer by the same command: what stays until when, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from tiny_run import tiny_run as tiny

from keras_kd.run import story as run
from keras_kd.training.checkpoints import Checkpoints


def longer(total="10 steps", how="stretch", **changes):
    return tiny(**{"distil.total": total, "distil.prolong": how, **changes})


@pytest.fixture
def workdir(finished_run, tmp_path):
    """A finished run of 6 steps, to be made longer."""
    shutil.copytree(finished_run[1], tmp_path / "run")
    return tmp_path / "run"


def steps(workdir):
    return json.loads((workdir / "report.json").read_text())["train"]["steps"]


def files(workdir):
    names = ("config.json", "report.json", "student.keras", "checkpoints/distil/result.json")
    return {name: (workdir / name).read_bytes() for name in names}


@pytest.mark.slow
def test_the_shorter_runs_products_stay_until_the_longer_ones_are_there(workdir, monkeypatch):
    before, told = files(workdir), []
    save = Checkpoints.save

    def save_and_stop(self, snapshot):
        save(self, snapshot)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "save", save_and_stop)
        run.run(longer(), workdir, progress=told.append)
    assert sum(line.startswith(("teacher: fin", "baseline: fin")) for line in told) == 2
    assert "distil: goes on from step 6" in told
    for name in ("report.json", "student.keras"):
        assert (workdir / name).read_bytes() == before[name]
    assert steps(workdir) == 6
    # The directory is the longer run's now: the shorter one does not come back.
    with pytest.raises(ValueError, match=r"distil\.total: '10 steps' there, '6 steps' here"):
        run.run(tiny(), workdir)
    report = run.run(longer(), workdir)
    assert report["train"]["steps"] == steps(workdir) == 10
    assert (workdir / "student.keras").read_bytes() != before["student.keras"]
    told.clear()
    assert run.run(longer(), workdir, progress=told.append) == report
    assert "nothing to do" in told[0]


@pytest.mark.slow  # the pieces of a stage are tested in test_prolong
def test_a_run_is_prolonged_again_and_again(workdir):
    run.run(longer("10 steps", "stretch"), workdir)
    run.run(longer("13 steps", "stretch"), workdir)
    report = run.run(longer("4.5 epochs", "fresh"), workdir)  # an epoch is 4 steps
    assert report["train"]["steps"] == 18
    lengths = json.loads((workdir / "checkpoints" / "distil" / "lengths.json").read_text())
    assert [tuple(piece.values()) for piece in lengths["pieces"]] == [
        (0, 0, 6), (6, 0, 10), (10, 0, 13), (13, 13, 18)
    ]  # fmt: skip
    predictions = np.load(workdir / "predictions.npz")
    accuracy = np.mean(predictions["student_logits"].argmax(1) == predictions["label"])
    assert report["student"]["accuracy"] == accuracy


@pytest.mark.slow
def test_a_report_that_was_not_renewed_before_a_stop_is_renewed(workdir, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "write_report", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        run.run(longer(), workdir)
    assert steps(workdir) == 6
    assert run.run(longer(), workdir)["train"]["steps"] == steps(workdir) == 10


def test_a_baseline_is_prolonged_alone(workdir):
    student = (workdir / "student.keras").stat().st_mtime_ns
    told = []
    report = run.run(
        tiny(**{"baseline.total": "10 steps", "baseline.prolong": "fresh"}),
        workdir,
        progress=told.append,
    )
    assert report["stages"]["baseline"]["steps"] == 10 and report["train"]["steps"] == 6
    assert any(line.startswith("distil: finished before") for line in told)
    assert (workdir / "student.keras").stat().st_mtime_ns > student


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (longer("6 steps"), r"needs a raised total. Received: distil.prolong='stretch'.*\(6 steps"),
        (longer("5 steps", "fresh"), r"total='5 steps' \(5 steps\), where .* '6 steps' \(6 steps"),
        (tiny(**{"distil.total": "10 steps"}), r"distil.total: '6 steps' there, '10 steps' here"),
        (longer(**{"distil.learning_rate": 0.1}), r"Differences: distil.learning_rate: 0.003"),
        (longer(**{"distil.ema": 0.9}), r"Differences: distil.ema: 0.0 there, 0.9 here"),
        (longer("7 steps", "fresh"), r"config\.distil: The warm-up .* total_steps=1\."),
    ],
)
def test_what_cannot_be_prolonged_leaves_all_as_it_was(workdir, config, message):
    before = files(workdir)
    with pytest.raises(ValueError, match=message):
        run.run(config, workdir)
    assert files(workdir) == before
    assert run.run(tiny(), workdir)["train"]["steps"] == 6


def test_there_must_be_something_to_prolong(tmp_path, workdir):
    with pytest.raises(ValueError, match=r"for a run that is there already.*Leave it empty"):
        run.run(longer(), tmp_path / "new")
    for path in (workdir / "checkpoints" / "distil").glob("*.npz"):
        path.unlink()
    with pytest.raises(ValueError, match="prolonged from its last checkpoint"):
        run.run(longer(), workdir)
    shutil.rmtree(workdir / "checkpoints")
    with pytest.raises(ValueError, match="prolonged from its last checkpoint"):
        run.run(longer(), workdir)
    told = []
    run.run(tiny(), workdir, progress=told.append)  # the report stands without them
    assert "nothing to do" in told[0]
