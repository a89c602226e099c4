"""The sheet of what teacher and student see, out of the run's own pipeline."""

import json

import pytest

from keras_kd.export.seen import COLUMNS, seen


def config_of(run, **data):
    path = run / "config.json"
    config = json.loads(path.read_text())
    config["data"] |= data
    config["batch_size"] = 16
    path.write_text(json.dumps(config))
    return config


def test_the_first_images(finished_run):
    found = seen(finished_run, config_of(finished_run))
    assert [title for title, _ in found["rows"]] == ["original", "teacher sees", "student sees"]
    originals, teacher, student = (pictures for _, pictures in found["rows"])
    assert len(originals) == len(teacher) == len(student) == COLUMNS
    # Function matching: the very same views, which are not the originals.
    assert [one[0] for one in teacher] == [one[0] for one in student]
    assert teacher[0][0] != originals[0][0]
    assert all(address.startswith("data:image/png;base64,") for address, _, _ in student)
    first, second = originals[0][2].split(", ")  # "62 % 8, 38 % 3"
    shares = [int(text.split(" %")[0]) for text in (first, second)]
    assert sum(shares) == pytest.approx(100, abs=1) and "mixed" in found["note"]
    assert seen(finished_run, config_of(finished_run)) == found


def test_data_that_are_gone(finished_run):
    found = seen(finished_run, config_of(finished_run, source="folder:nowhere"))
    assert not found["rows"] and "cannot be shown" in found["note"] and "nowhere" in found["note"]


def test_no_config(finished_run):
    assert seen(finished_run, {}) is None
