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


def counted(student, teacher, **facts):
    return {
        "teacher": {"accuracy": teacher},
        "student": {"accuracy": student},
        "data": {"test_images": 500},
    } | facts


def test_it_beats_only_where_chance_does_not_explain_it():
    """3 against 4 wrong of 500 is luck; 3 against 31, of which 2 are only the student's, is not."""
    told = headline(counted(0.994, 0.992, paired={"teacher": [2, 1]}))
    assert "beats" not in told
    assert "is as accurate, within what chance allows, as its teacher, 99.40 % against" in told
    assert "beats" not in headline(counted(0.994, 0.992))
    told = headline(counted(0.994, 0.938, paired={"teacher": [30, 2]}))
    assert "beats its teacher, 99.40 % against 93.80 %" in told


def test_a_gain_over_the_baseline_carries_its_interval():
    facts = {"baseline": {"accuracy": 0.99}, "paired": {"baseline": [3, 1]}}
    told = headline(counted(0.994, 0.995, **facts))
    assert "0.40 points more than the same network trained on labels alone, which may be" in told
    assert "(95 % interval \u22120.49 to +0.79 points)" in told  # 0.1941 of a coin thrown 4 times
    sure = {"baseline": {"accuracy": 0.95}, "paired": {"baseline": [25, 3]}}
    told = headline(counted(0.994, 0.995, **sure))
    assert "trained on labels alone (95 % interval +" in told and "chance" not in told


def test_a_file_unlike_the_student_is_not_shown_off_but_told():
    files = {
        "int8": {"bytes": 90, "fully_quantized": True, "agreement_with_keras": 0.6},
        "dynamic": {"bytes": 95, "agreement_with_keras": 0.99},
    }
    told = headline(counted(0.9, 0.95, exports=files))
    assert "Its dynamic file weighs 95 B." in told
    assert "Its int8 file answers like it on only 60.00 % of the test images." in told
    files["int8"]["min_agreement"] = 0.5  # config.export.min_agreement of the run
    assert "Its int8 file weighs 90 B." in headline(counted(0.9, 0.95, exports=files))


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
