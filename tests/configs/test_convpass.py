"""The config of a tuned transformer: the authors' settings, both roles, and what is refused."""

import pytest

from keras_kd.config import check
from keras_kd.config.chain import side_of, stages_of
from keras_kd.configs import convpass


def test_both_roles_tune_the_same_transformer():
    for argument, role in [("teacher", "teacher"), ("student,teacher=bit:R50x1-M", "student")]:
        config = convpass.get_config(f"{argument},weights=vit.npz,variant=S")
        check(config)
        tuned = [stage for stage in stages_of(config) if stage.network == role]
        for stage in tuned:
            assert stage.made_of.network == "pretrained" and not stage.made_of.handle
            assert stage.settings.learning_rate == 1e-3 and stage.settings.total == "100 epochs"
            # PyTorch's decay of 1e-4, times the rate.
            assert stage.settings.weight_decay == pytest.approx(1e-7)
        assert len(tuned) == (1 if role == "teacher" else 2)
        assert config.pretrained.model.kwargs.weights == "vit.npz"
        assert config[role].model.kwargs.scale == 0.1  # of their file for these flowers


def test_the_transformer_is_built_for_the_side_of_what_is_made_of_it():
    config = convpass.get_config()
    config.data.teacher_resolution = 384
    assert side_of(config, "pretrained") == side_of(config, "teacher") == 384
    config = convpass.get_config("student,teacher=bit:R50x1-M")
    config.data.teacher_resolution = 384
    assert side_of(config, "pretrained") == side_of(config, "student") == 224


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("techer", r"\('teacher', 'student'\).*'techer'.*Did you mean 'teacher'"),
        ("student", r"teacher=FILE names who teaches.*Received: 'student'"),
        ("teacher,teacher=a.keras", r"a tuned teacher learns from labels"),
        ("teacher,weight=a.npz", r"weights=.*Did you mean 'weights'"),
    ],
)
def test_what_cannot_be_is_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        convpass.get_config(argument)
