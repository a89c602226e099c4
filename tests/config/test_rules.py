"""Which values a config may hold: what a rule refuses, by its key, and its very limits."""

import pytest
from changed_config import changed

from keras_kd.config import base, check
from keras_kd.config.rules import Rule, follow, require, require_length


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", 0, "at least 1"),
        ("data.crop_area", (0.5, 0.1), "smallest <= largest"),
        ("data.allow_bad", 1.5, "between 0 and 1"),
        ("distil.learning_rate", 0.0, "above 0"),
        ("baseline.clip", -1.0, "at least 0"),
        ("baseline.label_weight", float("nan"), "finite"),
        ("precision", "float8", "mixed_bfloat16"),
        ("teacher.input_range", (1.0, 0.0), "lowest, highest"),
        ("distil.mixup_alpha", 0.0, "above 0"),
        ("distil.rc_scale", 0.9, "at least 1"),
        ("data.eval_scale", 0.9, "finite and at least 1.*eval_scale=0.9"),
        ("distil.ema", 1.0, r"config\.distil\.ema must be at least 0 .* and below 1"),
        ("baseline.ema", -0.1, r"config\.baseline\.ema"),
        ("export.io", "int16", r"config\.export\.io must be one of int8, uint8, float32"),
        ("export.output", "classes", "one of logits, probabilities"),
        ("export.min_agreement", 97.0, "between 0 and 1"),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 1),
        ("data.crop_area", (0.5, 0.5)),
        ("data.allow_bad", 1.0),
        ("data.teacher_resolution", 4),
        ("seed", 2**31 - 1),
        ("distil.ema", 0.999),
        ("distil.rc_scale", 1.0),
        ("teacher.input_range", ()),
        ("teacher.input_range", (-1, 1.0)),
    ],
)
def test_the_limits_themselves_are_allowed(key, value):
    check(changed(key, value))


def test_the_first_rule_that_is_broken_is_told_below_its_section():
    small = Rule("clip", lambda value: value <= 1, "1 at most")
    config = changed("distil.clip", 2.0)
    follow([small], config, "baseline")
    with pytest.raises(
        ValueError, match=r"^config\.distil\.clip must be 1 at most\. Rec.*clip=2\.0"
    ):
        follow([small, Rule("no.such", bool, "")], config, "distil")
    require(True, config, "no.such.key", "anything")


def test_a_length_has_at_least_so_many_steps():
    require_length("0 steps", base(), "distil.warmup", least=0)
    with pytest.raises(ValueError, match=r"config\.distil\.warmup must be longer than nothing"):
        require_length("0 steps", base(), "distil.warmup")
    with pytest.raises(ValueError, match=r"config\.distil\.total: .*'5%'"):
        require_length("5%", base(), "distil.total", total=None)
