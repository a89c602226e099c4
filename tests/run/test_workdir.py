"""A working directory belongs to one config, and tells what a run has left in it."""

import json
import shutil

import pytest
from tiny_run import tiny_run as tiny

from keras_kd.run import story as run
from keras_kd.run.workdir import Workdir, existing_workdir, load_config


def test_what_may_change_from_start_to_start(tmp_path):
    Workdir(tmp_path, tiny()).finish("teacher", {"steps": 6})
    found = Workdir(tmp_path, tiny(fixed_targets="elsewhere"))
    assert found.earlier["fixed_targets"] == "" and found.result("teacher") == {"steps": 6}
    assert found.result("distil") is None and found.report is None
    assert found.settings_before("distil")["total"] == "6 steps"
    with pytest.raises(ValueError, match=r"Differences: seed: 0 there, 1 here\. Choose another"):
        Workdir(tmp_path, tiny(seed=1))


def test_a_report_that_is_older_than_a_stage_is_none(tmp_path):
    workdir = Workdir(tmp_path, tiny())
    workdir.finish("distil", {"steps": 6, "accuracy": 0.5})
    report = {"stages": {"distil": {"steps": 6, "accuracy": 0.5, "network": "resnet"}}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert workdir.report == report
    workdir.finish("distil", {"steps": 6, "accuracy": 0.6})
    assert workdir.report is None
    shutil.rmtree(tmp_path / "checkpoints")  # to save space
    assert workdir.report == report


def test_a_worker_writes_nothing(tmp_path):
    assert Workdir(tmp_path, tiny(), writes=False).earlier is None
    assert not list(tmp_path.iterdir())


def test_folders_that_are_none(tmp_path):
    assert existing_workdir(str(tmp_path)) == tmp_path
    for path in (None, "", tmp_path / "none"):
        with pytest.raises(ValueError, match=r"which is not a folder\. .* --workdir=DIR"):
            existing_workdir(path)
    with pytest.raises(ValueError, match=r"holds config\.json\. Received: workdir="):
        load_config(tmp_path)


def test_the_workdir_of_another_config_is_refused(finished_run):
    _, workdir = finished_run
    with pytest.raises(ValueError, match=r"Differences: distil.learning_rate: 0.003 there, 0.1"):
        run.run(tiny(**{"distil.learning_rate": 0.1}), workdir)


def test_a_refused_config_can_be_mended_in_the_same_workdir(tmp_path):
    with pytest.raises(ValueError, match="batch_size=65"):
        run.run(tiny(batch_size=65), tmp_path)
    Workdir(tmp_path, tiny())  # nothing was trained, so nothing is refused
    assert json.loads((tmp_path / "config.json").read_text())["batch_size"] == 16


def test_a_workdir_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be a directory"):
        Workdir(tmp_path / "file", tiny())
