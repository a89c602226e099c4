"""Two replicas do exactly what one does: same weights after three steps on the same batches."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.data import evaluation_dataset
from keras_kd.data.assembly import options as untuned
from keras_kd.distribution import strategies
from keras_kd.methods import Hint, SoftTargets

CLASSES = 5


def network(channels, seed, l2=0.0, batch_norm=False, dtype=None, sync=True, activity=0.0):
    keras.utils.set_random_seed(seed)
    regularizer = keras.regularizers.L2(l2) if l2 else None
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3, name="conv", kernel_regularizer=regularizer, dtype=dtype)(
        images
    )
    if batch_norm:
        x = keras.layers.BatchNormalization(synchronized=sync)(x)
    x = keras.layers.ReLU(
        dtype=dtype, activity_regularizer=keras.regularizers.L2(activity) if activity else None
    )(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(x)
    return keras.Model(images, keras.layers.Dense(CLASSES, dtype="float32")(x))


def batches(sizes, late_end=0.0):
    """Three fixed global batches; odd sizes do not divide over two replicas.

    The data set does not know its length; `late_end` are the seconds it takes to find its end.
    """

    def arrays():
        rng = np.random.default_rng(0)
        for size in sizes:
            x = rng.normal(size=(size, 8, 8, 3)).astype("float32")
            yield x, rng.integers(0, CLASSES, size), rng.uniform(0.1, 2.0, size).astype("float32")
        time.sleep(late_end)

    specs = (([None, 8, 8, 3], tf.float32), ([None], tf.int64), ([None], tf.float32))
    data = tf.data.Dataset.from_generator(
        arrays, output_signature=tuple(tf.TensorSpec(*spec) for spec in specs)
    )
    return data.with_options(untuned())


def train(strategy, sizes=(8, 8, 8), hint=False, optimizer=None, weighted=False, **options):
    """The student's and the methods' weights, and the logs, after one epoch of three steps."""
    jit_compile = options.pop("jit_compile", False)
    steps_per_execution = options.pop("steps_per_execution", 1)
    with strategy.scope():
        student = network(4, seed=1, **options)
        teacher = network(6, seed=2)
        methods = [SoftTargets(temperature=2.0)]
        if hint:
            keras.utils.set_random_seed(3)
            methods.append(Hint(student_taps=["conv"], teacher_taps=["conv"], weight=0.5))
        kd = keras_kd.KDModel(student, teacher, methods, label_weight=0.1)
        kd.compile(
            (optimizer or (lambda: keras.optimizers.SGD(0.5, momentum=0.9)))(),
            metrics=["sparse_categorical_accuracy"],
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
        )
    data = batches(sizes)
    if not weighted:
        data = data.map(lambda x, y, w: (x, y))
    history = kd.fit(data, epochs=1, verbose=0)
    logs = {name: values[0] for name, values in history.history.items()}
    return [w.numpy() for w in kd.weights], logs


CASES = {
    "soft targets": {},
    "hint with a projector": {"hint": True},
    "l2 regulariser": {"l2": 0.1},
    "uneven last batch": {"sizes": (8, 8, 5)},
    "uneven first batch": {"sizes": (7, 8, 8)},
    "sample weights, uneven": {"weighted": True, "sizes": (8, 8, 3)},
    "synchronised batch norm": {"batch_norm": True},
    "losses that a layer adds": {"activity": 0.1},
    "all at once": {"hint": True, "l2": 0.1, "weighted": True, "batch_norm": True},
    "steps per execution": {"steps_per_execution": 3},
    "xla": {"hint": True, "jit_compile": True},
}


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_equal_one(make_strategy, case):
    if case == "losses that a layer adds" and keras.__version__.startswith("3.12."):
        pytest.skip("Keras 3.12 sums activity regularisation over each replica's share")
    one, one_logs = train(make_strategy(1), **CASES[case])
    two, two_logs = train(make_strategy(2), **CASES[case])
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    assert one_logs.keys() == two_logs.keys()
    for name in one_logs:
        assert one_logs[name] == pytest.approx(two_logs[name], abs=1e-5), name


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_end_of_the_data_is_no_step(make_strategy, replicas):
    """Keras alone counts a fourth step here: nothing holds its counter back at the end."""
    strategy = make_strategy(replicas)
    with strategy.scope():
        kd = keras_kd.KDModel(network(4, seed=1), network(6, seed=2), SoftTargets(), seed=0)
        kd.compile(keras.optimizers.SGD(0.5))
    kd.fit(batches((8, 8, 8), late_end=1.0), verbose=0)
    for counter in (kd.optimizer.iterations, kd._steps_and_bad_step()[0]):
        copies = strategy.experimental_local_results(counter.value)
        assert [int(copy.numpy()) for copy in copies] == [3] * replicas


CLIPPING = {
    "ours, global": lambda: keras_kd.optimizers.AdamW(0.01, 1e-3, global_clipnorm=1e-3),
    "sgd, global": lambda: keras.optimizers.SGD(0.5, global_clipnorm=1e-3),
    "sgd, per variable": lambda: keras.optimizers.SGD(0.5, clipnorm=1e-3),
    "sgd, by value": lambda: keras.optimizers.SGD(0.5, clipvalue=1e-4),
}


@pytest.mark.parametrize("clipping", CLIPPING)
def test_clipping_sees_the_summed_gradient(make_strategy, clipping):
    def unclipped():
        optimizer = CLIPPING[clipping]()
        optimizer.clipnorm = optimizer.global_clipnorm = optimizer.clipvalue = None
        return optimizer

    one, _ = train(make_strategy(1), optimizer=CLIPPING[clipping])
    two, _ = train(make_strategy(2), optimizer=CLIPPING[clipping])
    free, _ = train(make_strategy(1), optimizer=unclipped)
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
    bite = max(np.abs(a - b).max() for a, b in zip(one, free))
    assert bite > 1e-5, "the clip must be tight enough to change the result"


def test_mixed_float16_trains_on_two_replicas(make_strategy):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        one, _ = train(make_strategy(1), dtype="mixed_float16")
        two, _ = train(make_strategy(2), dtype="mixed_float16")
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    start = network(4, seed=1, dtype="mixed_float16").get_weights()
    for a, b, c in zip(one, two, start):
        np.testing.assert_allclose(a, b, atol=2e-3)  # half precision keeps eleven bits
        assert np.abs(a - c).max() > 1e-3, "the weights must have moved"


@pytest.mark.parametrize("sizes", [(8, 8, 8), (8, 7, 1)])
def test_unsynchronised_batch_norm_leaves_all_replicas_with_the_same_network(make_strategy, sizes):
    """Their normalisation differs within a step, but the averages that are saved must not."""
    strategy = make_strategy(2)
    with strategy.scope():
        student = network(4, seed=1, batch_norm=True, sync=False)
        kd = keras_kd.KDModel(student, network(6, seed=2), SoftTargets())
        kd.compile(keras.optimizers.SGD(0.5))
    for x, _, _ in batches([size for size in sizes if size > 1]):
        kd.fit(tf.data.Dataset.from_tensors(x).with_options(untuned()), verbose=0)
    moved = student.layers[2].moving_mean
    assert np.abs(moved.numpy()).max() > 0
    for variable in student.variables:
        values = [v.numpy() for v in strategy.experimental_local_results(variable.value)]
        assert len(values) == 2
        np.testing.assert_array_equal(*values)
        assert np.isfinite(values[0]).all()


def test_gradient_accumulation_is_refused_on_two_replicas(make_strategy):
    with make_strategy(2).scope():
        kd = keras_kd.KDModel(network(4, 1), network(6, 2), SoftTargets())
        with pytest.raises(ValueError, match="gradient_accumulation_steps=4"):
            kd.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=4))


def test_evaluation_on_two_replicas_counts_every_example_once(make_strategy):
    data = (
        tf.data.Dataset.from_tensor_slices(next(iter(batches([13])))[:2])
        .batch(4)
        .with_options(untuned())
    )
    results = []
    for replicas in (1, 2):
        with make_strategy(replicas).scope():
            kd = keras_kd.KDModel(network(4, 1), network(6, 2), SoftTargets(), fidelity=True)
            kd.compile("sgd", metrics=["sparse_categorical_accuracy"])
        logs = kd.evaluate(data, return_dict=True, verbose=0)
        results.append({name: float(value) for name, value in logs.items()})
    assert results[0].keys() == {"loss", "kl", "agreement", "sparse_categorical_accuracy"}
    for name, value in results[0].items():
        assert value == pytest.approx(results[1][name], abs=1e-6), name


def linear(seed):
    keras.utils.set_random_seed(seed)
    images = keras.Input((8, 8, 1))
    return keras.Model(images, keras.layers.Dense(10)(keras.layers.Flatten()(images)))


@pytest.mark.parametrize(("images", "fill_to"), [(50, 2), (64, 0)])
def test_evaluation_without_open_shapes_gives_the_same(make_strategy, monkeypatch, images, fill_to):
    """As on a TPU: each replica takes whole batches, of which the last ones may only fill up."""
    several = lambda strategy: strategy.num_replicas_in_sync == 2  # noqa: E731
    monkeypatch.setattr(strategies, "_feeds_several_hosts", several)
    results = []
    for replicas, fill in ((1, 0), (2, fill_to)):
        strategy = make_strategy(replicas)
        data = evaluation_dataset("digits", f"test[:{images}]", 16, 8, fill_to=fill)
        with strategy.scope():
            kd = keras_kd.KDModel(linear(1), linear(2), SoftTargets(), fidelity=True)
            kd.compile("sgd", weighted_metrics=["sparse_categorical_accuracy"])
        found = kd.evaluate(strategies.feed_all(strategy, data), return_dict=True, verbose=0)
        results.append({name: float(value) for name, value in found.items()})
    assert results[0].keys() == {"loss", "kl", "agreement", "sparse_categorical_accuracy"}
    assert results[0] == pytest.approx(results[1], abs=1e-6)


def test_a_second_fit_takes_no_batch_to_build_what_is_built(make_strategy):
    images, labels, _ = next(iter(batches([8])))
    data = tf.data.Dataset.from_tensors((images, labels)).repeat().with_options(untuned())
    with make_strategy(2).scope():
        kd = keras_kd.KDModel(network(4, seed=1), label_weight=1.0)
        kd.compile(keras.optimizers.SGD(0.1), metrics=["sparse_categorical_accuracy"])
    builds, build = [], kd._symbolic_build
    kd._symbolic_build = lambda data_batch: (
        builds.append(data_batch),
        build(data_batch=data_batch),
    )
    for _ in range(2):
        kd.fit(data, steps_per_epoch=1, epochs=1, verbose=0)
        logs = kd.evaluate(data.take(1), verbose=0, return_dict=True)
    assert "sparse_categorical_accuracy" in logs
    assert len(builds) == 1  # the first, for the compiled metric
