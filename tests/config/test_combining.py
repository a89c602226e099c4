"""What a config says of several teachers is refused before anything is built."""

import pytest
from tiny_run import tiny_run, with_changes

from keras_kd.config import check
from keras_kd.config.chain import stages_of
from keras_kd.config.combining import combination_of, drawn_by, may_lack_classes, needs_labels

BOTH = {"distil.teachers": ("teacher", "baseline")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"distil.combine.name": "confidnce"}, r"config.distil.combine: .*Did you mean 'confid"),
        (
            {**BOTH, "distil.combine.kwargs": {"weights": (1, 2, 3)}},
            r"config.distil.combine: weights must hold one positive number per teacher, 2 in all",
        ),
        (
            {"distil.combine.kwargs": {"temprature": 2.0}},
            "config.distil.combine: .* takes temperature, weights",
        ),
        (
            {"distil.combine.name": "random_teacher", "distil.mode": "fix/rs"},
            "config.distil.combine.name must be one such as 'mean_probabilities' under mode",
        ),
        (
            {
                "distil.combine.name": "confidence",
                "distil.methods": {
                    "hint": {"student_taps": ["stage1"], "teacher_taps": ["stage1"]},
                    "soft_targets": {},
                },
            },
            "beside the method 'hint', which matches layers",
        ),
        (
            {"distil.combine.name": "confidence", "data.labels_per_class": 3},
            "config.distil.combine.name must be one that does without labels, such as 'entropy'",
        ),
    ],
)
def test_refusals(changes, words):
    config = with_changes(tiny_run(), {})
    for key, value in changes.items():
        *path, last = key.split(".")
        section = config
        for part in path:
            section = section[part]
        with section.ignore_type():
            section[last] = value
    with pytest.raises(ValueError, match=words):
        check(config)


def test_what_it_says():
    config = tiny_run(**BOTH)
    distil = stages_of(config)[-1]
    assert combination_of(distil.settings) == {"combine": "mean_probabilities"}
    assert drawn_by(distil) == {} and not needs_labels(distil.settings)
    assert not may_lack_classes(config, distil.teachers[0])
    config.distil.combine.name = "confidence"
    config.distil.combine.kwargs.temperature = 4.0
    check(config)
    assert combination_of(distil.settings) == {"combine": "confidence", "temperature": 4.0}
    assert needs_labels(distil.settings) and not needs_labels(stages_of(config)[0].settings)
    config.distil.combine = {"name": "random_teacher", "kwargs": {}}
    check(config)
    assert drawn_by(distil) == {"combine.stage": "distil"}
    config.distil.combine.name = "unite_classes"
    assert may_lack_classes(config, distil.teachers[0])
