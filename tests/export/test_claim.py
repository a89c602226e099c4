"""An export folder belongs to one run."""

import json

import pytest

from keras_kd.config import base
from keras_kd.export.claim import claim


def test_a_folder_is_the_runs_own_however_long_it_gets(tmp_path):
    config = base().to_dict()
    claim(tmp_path / "export", config)
    config["distil"] |= {"total": "99 epochs", "prolong": "stretch"}
    config["export"]["io"] = "uint8"
    config["data"]["data_dir"] = "/elsewhere"
    claim(tmp_path / "export", config)
    assert "data.source" in json.loads((tmp_path / "export" / "run.json").read_text())


def test_files_of_another_run_are_refused_and_the_difference_named(tmp_path):
    config = base().to_dict()
    claim(tmp_path, config)
    config["data"]["source"] = "folder:cats"
    with pytest.raises(
        ValueError, match=r"another run \(data.source: 'digits' there, 'folder:cats'"
    ):
        claim(tmp_path, config)
    assert json.loads((tmp_path / "run.json").read_text())["data.source"] == "digits"


def test_keys_of_a_newer_version_are_no_difference(tmp_path):
    config = base().to_dict()
    claim(tmp_path, config)
    claim(tmp_path, {**config, "newer": 1})
    assert json.loads((tmp_path / "run.json").read_text())["newer"] == 1
    (tmp_path / "run.json").unlink()  # an export of an older version
    claim(tmp_path, config)
    assert (tmp_path / "run.json").exists()
