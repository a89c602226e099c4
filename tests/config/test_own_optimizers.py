"""Optimizers of single learners."""

import pytest

from keras_kd.config import base, check, own_optimizers, stage


def test_a_learner_has_what_differs_and_the_rest_of_the_stage():
    settings = stage(learning_rate=0.5, optimizers={"generator": {"learning_rate": 0.1}})
    assert own_optimizers.settings_of(settings, "student") is settings
    own = own_optimizers.settings_of(settings, "generator")
    assert own.learning_rate == 0.1 and own.weight_decay == settings.weight_decay
    assert settings.learning_rate == 0.5


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"generator": {"rate": 1.0}}, r"distil\.optimizers\.generator may hold .*learning_rate"),
        ({"generator": 1.0}, "must be a section"),
        ({"generator": {"optimizer": "adan"}}, "An optimizer must be one of"),
        ({"generator": {"optimizer_options": {"x": 1}}}, r"generator\.optimizer_options"),
    ],
)
def test_what_no_optimizer_has_is_refused(own, message):
    config = base()
    config.distil.methods = {"soft_targets": {}}
    config.distil.optimizers = own
    with pytest.raises(ValueError, match=message):
        check(config)


def test_an_optimizer_of_nobody_is_refused():
    settings = stage(optimizers={"generater": {"learning_rate": 0.1}})
    with pytest.raises(ValueError, match=r"learners of this stage.*'generater'.*generator"):
        own_optimizers.check_names(settings, "distil", ["student", "generator"])
