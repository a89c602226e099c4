"""What every method must do, whichever it is: new ones in the folder are found by themselves."""

import any_method
import keras
import numpy as np
import pytest
import tensorflow as tf
from any_method import EVERY, EXAMPLES, SCHEMES, make

from keras_kd import methods
from keras_kd.distillation import seeds
from keras_kd.training.checkpoints import Checkpoints, Snapshot

CLASSES = 4
FIRST = tf.constant(0, tf.int64)  # step


def student_network():
    """Separable convolutions and batch norm on 8 px."""
    images = keras.Input((8, 8, 3))
    x = keras.layers.SeparableConv2D(4, 3, name="early")(images)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.SeparableConv2D(5, 3, strides=2, name="late")(keras.layers.ReLU()(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(CLASSES, dtype="float32")(x))


def teacher_network():
    """Another family, deeper, wider, on 12 px."""
    images = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(6, 3, name="early")(images)
    for _ in range(2):
        x = keras.layers.Conv2D(6, 3, padding="same", activation="tanh")(x)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="tanh", name="late")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(CLASSES, dtype="float32")(x))


def model(name, policy="float32"):
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        return any_method.model(name, student_network, teacher_network())
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def outputs(kd, batch, training):
    """What the method's networks make of a batch; the teacher's place is empty without one."""
    method, student = kd.methods[0], kd.networks["student"]
    student = student.learn(batch) if training else student.answer(batch)
    followed = {name: _followed(kd.networks[name], batch) for name in method.sources}
    single = not isinstance(method.source, tuple)
    return student, followed.get(method.source, {}) if single else followed


def _followed(network, batch):
    if not network.on_images:
        return network.function(training=False, passes=True)
    return tf.nest.map_structure(tf.stop_gradient, network.answer(batch))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = {
        "student": rng.normal(size=(EXAMPLES, 8, 8, 3)).astype("float32"),
        "teacher": rng.normal(size=(EXAMPLES, 12, 12, 3)).astype("float32"),
        "id": np.arange(EXAMPLES),
    }
    y = rng.integers(0, CLASSES, EXAMPLES)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8).repeat()


@pytest.mark.parametrize("name", EVERY)
def test_steps_lower_the_loss(name, data):
    kd = model(name)
    kd.compile(keras.optimizers.Adam(0.02))
    losses = kd.fit(data, steps_per_epoch=2, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", EVERY)
def test_half_precision_models_take_two_steps(name, data):
    kd = model(name, "mixed_float16")
    # A scale that no method's gradient overflows with: such steps would be skipped.
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02), initial_scale=16.0)
    kd.compile(optimizer)
    variables = kd.student.trainable_variables  # batch norm's statistics move in any case
    before = [v.numpy() for v in variables]
    losses = kd.fit(data, steps_per_epoch=2, epochs=1, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert int(optimizer.inner_optimizer.iterations) == 2
    assert any(np.abs(v.numpy() - start).max() > 0 for v, start in zip(variables, before))
    assert {v.dtype for v in kd.methods[0].trainable_variables} <= {"float32"}


@pytest.mark.parametrize("name", EVERY)
def test_xla_compiles_the_method_to_the_same_loss_and_gradients(name, data):
    """The method alone, hook included: whole models under XLA are tested with KDModel."""
    kd = model(name)
    x, y = next(iter(data))
    method, batch = kd.methods[0], {**x, "labels": y, "step": FIRST}
    student, teacher = outputs(kd, batch, training=False)
    random = seeds.generator_states([method])

    def step():
        seeds.set_states(random, 0, tf.constant(0, tf.int64))
        with tf.GradientTape() as tape:
            tape.watch(student)
            loss = method(batch, student=student, teacher=teacher)
        targets = [student, [v.value for v in method.trainable_variables]]
        gradients = tape.gradient(loss, targets, unconnected_gradients="zero")
        return loss, tf.nest.flatten(gradients)

    loss, gradients = step()
    xla_loss, xla_gradients = tf.function(step, jit_compile=True)()
    np.testing.assert_allclose(xla_loss, loss, rtol=1e-4, atol=1e-5)
    for a, b in zip(xla_gradients, gradients):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 + 1e-4 * np.abs(b).max())
    tf.function(method.after_step, jit_compile=True)(batch, student, teacher)


@pytest.mark.parametrize("name", EVERY)
def test_one_float32_value_per_example_and_gradients_reach_student_and_method_only(name, data):
    kd = model(name)
    x, y = next(iter(data))
    method = kd.methods[0]
    teacher_before = [w.numpy() for w in kd.teacher.weights]
    batch = {**x, "labels": y, "step": FIRST}
    with tf.GradientTape(persistent=True) as tape:
        student, teacher = outputs(kd, batch, training=True)
        loss = method(batch, student=student, teacher=teacher)
    assert loss.shape == (8,) and loss.dtype == tf.float32
    for variable in method.trainable_variables:
        assert float(tf.norm(tape.gradient(loss, variable.value))) > 0, variable.path
    # Down to the student's first layer, through all that lies before the taps.
    first = kd.student.trainable_variables[0]
    assert float(tf.norm(tape.gradient(loss, first.value))) > 0, first.path
    assert all(tape.gradient(loss, v.value) is None for v in kd.teacher.trainable_variables)
    for before, weight in zip(teacher_before, kd.teacher.weights):
        np.testing.assert_array_equal(before, weight.numpy())


def values(kd):
    return {name: np.copy(variable.numpy()) for name, variable in kd.state().items()}


def rates(kd):
    """A rate of its own for each learner, and a momentum."""
    return {
        name: keras.optimizers.SGD(0.05 / (1 + place), momentum=0.9)
        for place, name in enumerate(kd.learners)
    }


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_goes_on_from_its_checkpoint_to_the_bit(name, data, tmp_path):
    """Every learner moves, by an optimizer of its own; the frozen networks do not."""
    found = []
    for stops in ((4,), (2, 4)):
        done, saved = 0, Checkpoints(tmp_path / str(len(stops)))
        for stop in stops:
            keras.utils.set_random_seed(0)
            kd = model(name)
            kd.compile(rates(kd))
            start = values(kd)
            if done:
                assert saved.restore(kd.state())[0] == done
            before = kd.teacher.get_weights()
            kd.fit(data.skip(done), steps_per_epoch=stop - done, verbose=0)
            for old, weight in zip(before, kd.teacher.get_weights(), strict=True):
                np.testing.assert_array_equal(old, weight)
            saved.save(Snapshot(stop, kd.state()))
            done = stop
        found.append(values(kd))
    whole, resumed = found
    assert whole.keys() == resumed.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(value, resumed[key], err_msg=key)
    for learner in kd.learners:
        kernels = [k for k in whole if k.startswith(f"network/{learner}/") and "kernel" in k]
        assert kernels and all(np.abs(whole[k] - start[k]).max() > 0 for k in kernels)
        assert whole[f"optimizer/{learner}/iteration"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_takes_the_steps_of_the_graph_under_xla(name, data):
    found = []
    for settings in ({}, {"jit_compile": True, "steps_per_execution": 2}):
        keras.utils.set_random_seed(0)
        kd = model(name)
        kd.compile(rates(kd), **settings)
        kd.fit(data, steps_per_epoch=4, verbose=0)
        found.append(values(kd))
    graph, xla = found
    assert graph.keys() == xla.keys()
    for key, value in graph.items():
        np.testing.assert_allclose(value, xla[key], rtol=0, atol=2e-5, err_msg=key)


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
