"""What every method must do, whichever it is: new ones in the folder are found by themselves."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd import methods

CLASSES = 4
EVERY = sorted(methods.METHODS)


def network(channels):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3, activation="relu", name="features")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(CLASSES, dtype="float32")(x))


def make(name):
    """The method with its defaults, on taps where it cannot do without."""
    try:
        return methods.METHODS[name]()
    except ValueError:
        return methods.METHODS[name](student_taps=["features"], teacher_taps=["features"])


def model(name, policy="float32"):
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        kd = keras_kd.KDModel(network(4), network(6), make(name))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    return kd


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 8, 8, 3)).astype("float32")
    y = rng.integers(0, CLASSES, 16)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8).repeat()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("policy", "jit"), [("float32", False), ("float32", True), ("mixed_bfloat16", False)]
)
def test_steps_lower_the_loss(name, policy, jit, data):
    kd = model(name, policy)
    kd.compile(keras.optimizers.Adam(0.02), jit_compile=jit)
    losses = kd.fit(data, steps_per_epoch=2, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", EVERY)
def test_one_float32_value_per_example_and_gradients_reach_student_and_method_only(name, data):
    kd = model(name)
    x, y = next(iter(data))
    method = kd.methods[0]
    teacher_before = [w.numpy() for w in kd.teacher.weights]
    batch = {"image": x, "labels": y}
    with tf.GradientTape(persistent=True) as tape:
        teacher = kd._teach(batch)
        student = kd._student_pass(x, True)
        loss = method(batch, student, teacher)
    assert loss.shape == (8,) and loss.dtype == tf.float32
    for variable in method.trainable_variables:
        assert float(tf.norm(tape.gradient(loss, variable.value))) > 0, variable.path
    reached = [tape.gradient(loss, v.value) is not None for v in kd.student.trainable_variables]
    assert any(reached)
    assert all(tape.gradient(loss, v.value) is None for v in kd.teacher.trainable_variables)
    for before, weight in zip(teacher_before, kd.teacher.weights):
        np.testing.assert_array_equal(before, weight.numpy())


@pytest.mark.parametrize("name", EVERY)
def test_config_round_trip_and_documentation(name):
    method = make(name)
    copy = type(method).from_config(method.get_config())
    assert copy.get_config() == method.get_config()
    for part in ("Knowledge:", "Needs:", "Paper:", "arXiv"):
        assert part in type(method).__doc__, f"{name}'s docstring lacks '{part}'"


def test_methods_are_found_by_either_name():
    assert isinstance(methods.get("soft_targets", temperature=2.0), methods.SoftTargets)
    assert isinstance(methods.get("SoftTargets"), methods.SoftTargets)
    with pytest.raises(ValueError, match="Did you mean 'soft_targets'"):
        methods.get("soft_target")
    with pytest.raises(ValueError, match=r"takes .*temperature"):
        methods.get("soft_targets", temprature=2.0)
