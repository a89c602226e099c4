"""An assistant beside a frozen student: zero at first, and alone in what it learns."""

import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, shaken
from shrunk import residual as small_student

from keras_kd import models
from keras_kd.models import residual
from keras_kd.models.wrap import without_assistant
from keras_kd.models.wrap.residual import SUM

ASSISTANT = {"depth": 8, "width": 0.25, "norm": "group"}  # half the channels of `student`


@pytest.fixture(scope="module")
def student():
    model = models.build("resnet", 3, (8, 8, 3), depth=8, width=0.5, dropout=0.3)
    head = model.get_layer("logits").kernel
    head.assign(np.random.default_rng(0).normal(size=head.shape))
    return model


@pytest.mark.parametrize("tap", ["", "pre_logits", "stage3", "stage1"])
def test_it_starts_as_the_student(student, tap):
    x = photographs(4)
    both = residual(student, "resnet", ASSISTANT, tap)
    np.testing.assert_array_equal(both(x), student(x))
    np.testing.assert_array_equal(both(x, training=True), student(x))  # nothing drops, or measures
    corrected = both.get_layer(SUM).output
    of_student = student.get_layer(tap).output if tap else student.output
    assert corrected.shape == of_student.shape


@pytest.mark.parametrize("tap", ["", "stage3"])
def test_only_the_assistant_learns_and_leaves_the_student_behind(student, tap):
    x = photographs(4)
    both = residual(student, "resnet", ASSISTANT, tap)
    names = {variable.path.split("/")[0] for variable in both.trainable_variables}
    assert names and all(name.startswith("assistant_") for name in names)
    both.compile("adam", "mse")
    both.fit(x, np.ones((4, 3)), epochs=3, verbose=0)
    assert np.abs(both(x) - student(x)).max() > 1e-3
    alone = without_assistant(both)
    np.testing.assert_array_equal(alone(x), student(x))
    assert alone.count_params() == student.count_params()


def test_of_a_perfect_student_it_learns_nothing(student):
    """The residual is zero, and so is every gradient of the squared distance to the teacher."""
    x = photographs(4)
    both = residual(student, "resnet", ASSISTANT)
    both.compile(keras.optimizers.SGD(1.0), "mse")
    before = [np.array(v) for v in both.trainable_variables]
    both.fit(x, student(x), verbose=0)
    for a, b in zip(before, both.trainable_variables):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_linear_assistant_learns_teacher_minus_student():
    """Least squares in closed form: what is missing, as far as the features reach."""
    images = keras.Input((1, 1, 3))
    flat = layers.Flatten(name="pre_logits")
    student = keras.Model(images, layers.Dense(2, name="logits")(flat(images)), name="student")
    again = keras.Input((1, 1, 3))
    features = layers.Flatten(name="pre_logits")(again)
    helper = keras.Model(again, layers.Dense(2, name="logits")(features), name="helper")
    both = residual(shaken(student), helper)
    x = np.random.default_rng(0).uniform(-1, 1, (32, 1, 1, 3))
    teacher = np.tanh(x.reshape(32, 3) @ np.arange(6).reshape(3, 2))
    missing = teacher - np.asarray(student(x), np.float64)
    rows = np.concatenate([x.reshape(32, 3), np.ones((32, 1))], axis=1)
    expected = rows @ np.linalg.lstsq(rows, missing, rcond=None)[0]
    both.compile(keras.optimizers.SGD(0.5, momentum=0.9), "mse")
    both.fit(x, teacher, batch_size=32, epochs=300, verbose=0)
    np.testing.assert_allclose(both(x) - student(x), expected, atol=1e-4)


def test_it_is_saved_with_its_student(student, tmp_path):
    both = residual(student, "resnet", ASSISTANT, "stage2")
    shaken(both)
    both.save(tmp_path / "both.keras")
    x = photographs(4)
    again = keras.saving.load_model(tmp_path / "both.keras", compile=False)
    np.testing.assert_array_equal(again(x), both(x))
    assert len(again.trainable_variables) == len(both.trainable_variables)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet", ASSISTANT, "stage4"), r"tap='stage4'.*Did you mean"),
        (("resnett", ASSISTANT), r"assistant must be .*'resnett'.*Did you mean 'resnet'"),
        (("resnet", {"dept": 8}), r"resnet takes .*dept.*Did you mean 'depth'"),
        (
            ("bit_resnet", {"depth": (1, 1), "width": 0.125}, "stage1"),
            r"as many rows and columns.*'stage1'",
        ),
    ],
)
def test_what_cannot_be_is_refused(student, arguments, message):
    with pytest.raises(ValueError, match=message):
        residual(student, *arguments)


def test_a_network_without_an_assistant_is_refused():
    with pytest.raises(ValueError, match="no layer 'corrected'"):
        without_assistant(small_student())
