"""The study of schemes: its cells, and its tables from results made by hand."""

import argparse

import pytest
import schemes

from keras_kd import methods
from keras_kd.methods.base import snake_case


def result(task, student, seed, accuracy, error=0.1):
    facts = {"task": task, "student": student, "seed": seed}
    return {"facts": facts, "accuracy": accuracy, "calibration_error": error}


def test_every_scheme_has_a_cell_a_seed_behind_its_teacher():
    options = argparse.Namespace(thin=False, data_dir="here")
    cells = schemes.list_cells(options)
    names = [cell.name for cell in cells]
    # A lesson of new classes is another task than these.
    others = ("offline", "lifelong")
    own = {snake_case(name) for name, cls in methods.METHODS.items() if cls.scheme not in others}
    assert own == {*schemes.ON_IMAGES, *schemes.DATA_FREE}
    assert len(cells) == 3 * (1 + 2 + len(schemes.ON_IMAGES) + 1 + 1 + len(schemes.DATA_FREE))
    for index, cell in enumerate(cells):
        assert set(cell.needs) <= set(names[:index]) and "here" not in str(cell.facts)
    by_name = dict(zip(names, cells))
    assert by_name["cifar-pskd-1"].needs == () and by_name["cifar-labels-1"].needs == ()
    assert by_name["cifar-meal-1"].needs == ("cifar-teacher-1",)
    # Equal steps within a task.
    images = {cell.images for cell in cells if cell.name.startswith("cifar")}
    assert len(images) == 1
    images = {cell.images for cell in cells if cell.facts["student"] in schemes.DATA_FREE}
    assert images == {by_name["digits-soft_targets-0"].images}


def test_the_tables_compare_within_a_seed():
    found = schemes.aggregate(
        [
            result("cifar", "soft_targets", 0, 0.5),
            result("cifar", "soft_targets", 1, 0.6),
            result("cifar", "pskd", 0, 0.7, error=0.02),
            result("cifar", "pskd", 1, 0.9, error=0.04),
        ]
    )
    assert found["cifar"]["pskd"]["above_plain"]["values"] == pytest.approx([0.2, 0.3])
    first = schemes.tables(found).splitlines()[2]
    assert first.startswith("| `pskd` | 80.00 ±") and "| +25.00 ±" in first and "| 3.00 ±" in first
