"""Configs: unknown keys, wrong types and impossible values end in one helpful sentence."""

import pytest

from keras_kd.config import base, check, stage
from keras_kd.utils.lengths import steps

TAPS = {"student_taps": ["stage2"], "teacher_taps": ["stage2"]}


def changed(key, value):
    config = base().unlock()
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    with config.ignore_type():
        section[last] = value
    return config


def test_the_defaults_pass():
    check(base())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batchsize", 8, "Received: config.batchsize. Did you mean 'batch_size'"),
        ("data.resolutions", 8, "Did you mean 'data.resolution'"),
        ("distil.learningrate", 0.1, "Did you mean 'distil.learning_rate'"),
        ("batch_size", "8", "must be of type int"),
        ("batch_size", True, "must be of type int"),
        ("data.flip", 1, "must be of type bool"),
        ("batch_size", 0, "at least 1"),
        ("data.crop_area", (0.5, 0.1), "smallest <= largest"),
        ("data.allow_bad", 1.5, "between 0 and 1"),
        ("distil.total", "ten epochs", r"config\.distil\.total: A length is a number"),
        ("distil.total", "0 steps", "longer than nothing"),
        ("distil.learning_rate", 0.0, "above 0"),
        ("baseline.clip", -1.0, "at least 0"),
        ("baseline.label_weight", float("nan"), "finite"),
        ("precision", "float8", "mixed_bfloat16"),
        ("teacher.input_range", (1.0, 0.0), "lowest, highest"),
        ("distil.methods", {}, "one method"),
        ("distil.mode", "mixx", "mode='mixx'.*'mix'"),
        ("distil.mode", "fix/ic-ens", "Did you mean 'fix/ic_ens'"),
        ("distil.fix_crops", 0, "at least 1 and at most 1,048,576"),
        ("distil.fix_crop", 8, "Did you mean 'distil.fix_crops'"),
        ("distil.optimizer", "adamv", "Did you mean 'adam"),
        ("distil.optimizer_options", {"epsilonn": 1.0}, "epsilonn=1.0. Did you mean 'epsilon'"),
        (
            "baseline.optimizer_options",
            {"beta_1": 1.0},
            r"config\.baseline\.optimizer_options: bet",
        ),
        ("distil.optimizer_options", 3, "must be a section"),
        ("distil.schedule", "stairs", "Did you mean 'staircase'"),
        ("distil.decay_at", ("some time",), r"config\.distil\.decay_at: A length is a number"),
        ("distil.decay_at", ("0 percent",), "longer than nothing"),
        ("distil.mixup_alpha", 0.0, "above 0"),
        ("distil.rc_scale", 0.9, "at least 1"),
        ("data.eval_scale", 0.9, "finite and at least 1.*eval_scale=0.9"),
        ("data.eval_scale", "8/7", "must be of type float"),
        ("distil.methods", {"hint": TAPS}, "train the student's classifier.*label_weight=0.0"),
        ("distil.methods", {"soft_targets": TAPS}, "train the student's classifier"),  # other heads
        ("distil.methods", {"soft_target": {}}, "Did you mean 'soft_targets'"),
        ("distil.methods", {"soft_targets": {"temperature": -1.0}}, "temperature=-1"),
        ("distil.methods", {"soft_targets": {"temp": 1.0}}, "takes .*temperature"),
        ("student.model.name", "resnett", "Did you mean 'resnet'"),
        ("student.model.kwargs", {"dept": 20}, "depth"),
        ("checkpoint.keep_at", ("half",), r"config\.checkpoint\.keep_at: A length is a number"),
        ("checkpoint.keep_at", ("0 steps",), "longer than nothing"),
        ("checkpoint.keep_at", "50 percent", "must be of type tuple"),
        ("teacher.handle", 3, "must be of type str"),
        ("teacher.handle", "a.keras,,b.keras", r"config\.teacher\.handle: a teacher's handle must"),
        ("distil.ema", 1.0, r"config\.distil\.ema must be at least 0 .* and below 1"),
        ("baseline.ema", -0.1, r"config\.baseline\.ema"),
        ("distil.prolong", "strech", "Did you mean 'stretch'"),
        ("teacher.train.prolong", "fresh", "is another teacher"),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


def test_free_sections_take_any_key():
    check(changed("student.model.kwargs", {"depth": 20}))
    check(changed("distil.methods", {"soft_targets": {}, "relational_kd": {"distance": 1.0}}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("distil.methods", {"hint": TAPS, "soft_targets": {}}),
        ("distil.methods", {"sim_kd": TAPS}),  # the classifier is the teacher's
        ("distil.methods", {"dkd": {"student_taps": ["logits"], "teacher_taps": ["logits"]}}),
        ("distil.label_weight", 0.1),
        ("student.init", "student.keras"),
    ],
)
def test_features_alone_will_do_where_the_classifier_is_trained_or_given(key, value):
    config = changed("distil.methods", {"hint": TAPS})
    section, last = key.split(".")
    config[section][last] = value
    check(config)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("500 steps", 500),
        ("500", 500),
        (500, 500),
        ("1 step", 1),
        ("2 epochs", 20),
        ("0.5 epochs", 5),
        ("1000 examples", 10),
        ("1001 examples", 11),
        ("5%", 10),
        ("5 percent", 10),
        ("0 steps", 0),
    ],
)
def test_lengths(length, expected):
    assert steps(length, batch_size=100, num_examples=1000, total=200) == expected


def test_a_percentage_needs_a_whole():
    with pytest.raises(ValueError, match="Received: '5%'"):
        steps("5%", batch_size=1, num_examples=10)


def test_stage_takes_changes():
    assert stage(total="3 epochs").total == "3 epochs"
    with pytest.raises(KeyError, match='Did you mean "total"'):
        stage(totall="3 epochs")
    assert stage(optimizer_options={"beta_1": 0.5}).optimizer_options.beta_1 == 0.5
    config = base()
    config.distil.update(optimizer_options={"beta_1": 0.5})
    check(config)
