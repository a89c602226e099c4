"""What a config may not ask for under the modes fix/*."""

import pytest
from changed_config import TAPS, changed

from keras_kd.config import check


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("distil.fix_crops", 0, "at least 1 and at most 1,048,576")],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


@pytest.mark.parametrize(
    ("mode", "methods", "message"),
    [
        ("fix/cc", {"soft_targets": {}, "hint": TAPS}, r"the teacher runs: the method 'hint'"),
        (
            "fix/ic_ens",
            {"logit_l2": {}},
            r"another: the method 'logit_l2' needs the teacher's logits",
        ),
        (
            "fix/ic_ens",
            {"binary_soft_targets": {}},
            r"another: the method 'binary_soft_targets' needs the teacher's logits",
        ),
    ],
)
def test_methods_that_need_more_than_stored_means(mode, methods, message):
    config = changed("distil.mode", mode)
    config.distil.methods = methods
    with pytest.raises(ValueError, match=rf"config\.distil\.mode must be .*{message}"):
        check(config)
    config.distil.mode = "mix"
    check(config)


def test_a_cache_of_steps_holds_no_targets_of_images():
    config = changed("teacher_cache", "somewhere")
    check(config)
    config.distil.mode = "fix/rs"
    with pytest.raises(
        ValueError, match=r"config\.teacher_cache must be empty: under mode 'fix/rs'"
    ):
        check(config)
    config.baseline.mode, config.distil.mode = "fix/rs", "mix"
    check(config)  # it reads no cache
