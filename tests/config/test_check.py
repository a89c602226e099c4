"""Configs: unknown keys, wrong types and impossible values end in one helpful sentence."""

import pytest
from changed_config import changed

from keras_kd.config import base, check, stage


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
        ("distil.mode", "mixx", "mode='mixx'.*'mix'"),
        ("distil.mode", "fix/ic-ens", "Did you mean 'fix/ic_ens'"),
        ("distil.fix_crop", 8, "Did you mean 'distil.fix_crops'"),
        ("distil.optimizer_options", 3, "must be a section"),
        ("data.eval_scale", "8/7", "must be of type float"),
        ("checkpoint.keep_at", ("half",), r"config\.checkpoint\.keep_at: A length is a number"),
        ("checkpoint.keep_at", ("0 steps",), "longer than nothing"),
        ("checkpoint.keep_at", "50 percent", "must be of type tuple"),
        ("teacher.handle", 3, "must be of type str"),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


def test_free_sections_take_any_key():
    check(changed("student.model.kwargs", {"depth": 20}))
    check(changed("distil.methods", {"soft_targets": {}, "relational_kd": {"distance": 1.0}}))


def test_stage_takes_changes():
    assert stage(total="3 epochs").total == "3 epochs"
    with pytest.raises(KeyError, match='Did you mean "total"'):
        stage(totall="3 epochs")
    assert stage(optimizer_options={"beta_1": 0.5}).optimizer_options.beta_1 == 0.5
    config = base()
    config.distil.update(optimizer_options={"beta_1": 0.5})
    check(config)
