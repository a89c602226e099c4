"""One or two sentences that are true to the numbers."""

import pytest

from keras_kd.export import formats
from keras_kd.export.headline import headline, smallest_export


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        (0.995, "beats its teacher, 99.50 % against 99.00 %"),
        (0.99, "exactly as accurate as its teacher"),
        (0.98999, "keeps 99.9 %"),  # not rounded up to all of it
    ],
)
def test_headline(student, expected):
    report = {"teacher": {"accuracy": 0.99}, "student": {"accuracy": student}}
    assert expected in headline(report)


def test_a_teacher_that_was_a_stage_goes_by_its_name():
    report = {"teacher": {"accuracy": 0.8}, "student": {"accuracy": 0.4}}
    stages = {"teacher": {}, "assistant": {}, "distil": {"teachers": ["assistant"]}}
    told = headline({**report, "stages": stages})
    assert told == "The student keeps 50.0 % of the assistant's accuracy."
    stages["distil"]["teachers"] = ["hub:somewhere"]
    assert "of the teacher's accuracy" in headline({**report, "stages": stages})


def test_the_file_to_show_is_the_smallest_of_integers():
    servers = [name for name, one in formats.found().items() if not one.on_device]
    files = {name: {"bytes": 1} for name in servers} | {
        "float32": {"bytes": 300},
        "dynamic": {"bytes": 80, "fully_quantized": False},
        "int8": {"bytes": 90, "fully_quantized": True},
        "odd": "not measured",
    }
    assert smallest_export({"exports": files}) == ("int8", files["int8"])
    files["int8"]["fully_quantized"] = False
    assert smallest_export({"exports": files}) == ("dynamic", files["dynamic"])
    assert smallest_export({"exports": {}}) is None
