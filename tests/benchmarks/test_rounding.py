"""How benchmarks/rounding.py counts, and what it finds of a small network."""

import pathlib

import numpy as np
import pytest
import rounding
from shrunk import photographs, residual

from keras_kd.models import quantize_aware


def test_what_two_answers_have_in_common():
    """In steps of 1/4: of six numbers three are equal, one is two and one three steps off."""
    one = np.array([[0.0, 1.0, 2.0], [5.0, 1.0, 2.0]])
    other = one + np.array([[0.0, 0.25, 0.5], [0.0, 0.75, 0.0]])
    found = rounding.row(one, other, 0.25)
    assert found == {"images": 2, "same_class": 1.0, "within_two": 5 / 6, "equal": 0.5}
    assert rounding.row(one, one[:, ::-1], 0.25)["same_class"] == 0.0
    assert rounding.line("a run", found) == "| a run | 2 | 100.00 % | 83.33 % | 50.00 % |"
    assert rounding.HEAD[0].count("|") == rounding.line("a run", found).count("|")


def test_a_student_that_rounds_as_a_file_does_is_it():
    student = quantize_aware(residual(), images=photographs(40, (8, 8, 3), seed=1))
    found = rounding.compared(student, photographs(70, (8, 8, 3), seed=3))
    assert found.keys() == rounding.HOW.keys()
    file, floats = found["file"], found["floats"]
    assert file["images"] == 70 and file["same_class"] == file["equal"] == 1.0
    # Nearly: a number at the border between two steps falls to either side.
    assert floats["within_two"] == 1.0 and 0.5 < floats["equal"] <= 1.0
    assert 0.5 < found["kernels"]["equal"] <= 1.0


@pytest.mark.parametrize("given", [[], ["--workdir=there", "--images=0"]])
def test_a_run_and_some_images(given):
    with pytest.raises(SystemExit):
        rounding.main(given)


def test_the_docs_name_the_command():
    docs = pathlib.Path(rounding.__file__).parents[1] / "docs" / "results.md"
    assert "benchmarks/rounding.py --workdir=" in docs.read_text("utf-8")
