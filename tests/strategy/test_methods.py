"""Every method on two replicas: exact where examples stand alone, one state on both always."""

import any_method
import keras
import numpy as np
import pytest
import tensorflow as tf
from any_method import EVERY, EXAMPLES

from keras_kd.data.assembly import options

BATCH, CLASSES = 8, 4
# The docstrings of these say that relations exist within a replica's own share of the batch, or
# their adapters normalise by it; all others do exactly what one replica does.
OWN_SHARE = {
    "DIST", "SimilarityPreserving", "CorrelationCongruence", "PKT", "RelationalKD", "CRD",
    "FactorTransfer", "OFD", "ReviewKD", "SimKD",
}  # fmt: skip


def network(channels):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3, name="early")(images)
    x = keras.layers.Conv2D(channels, 3, strides=2, activation="tanh", name="late")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(CLASSES)(x))


def train(strategy, name, sizes=(BATCH, 7)):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        kd = any_method.model(name, lambda: network(4), network(6), label_weight=0.1, seed=0)
        kd.compile(keras.optimizers.SGD(0.1))

    def batches():
        rng = np.random.default_rng(0)
        for size in sizes:
            x = {
                "image": rng.normal(size=(size, 8, 8, 3)).astype("float32"),
                "id": rng.permutation(EXAMPLES)[:size],
            }
            yield x, rng.integers(0, CLASSES, size)

    spec = (
        {"image": tf.TensorSpec((None, 8, 8, 3)), "id": tf.TensorSpec((None,), tf.int64)},
        tf.TensorSpec((None,), tf.int64),
    )
    if sizes:
        data = tf.data.Dataset.from_generator(batches, output_signature=spec)
        kd.fit(data.with_options(options()), verbose=0)
    return kd


@pytest.mark.parametrize("name", EVERY)
def test_two_replicas(make_strategy, name):
    strategy = make_strategy(2)
    two = train(strategy, name)
    assert all(np.isfinite(w).all() for w in two.get_weights())
    kept = [v for v in two.methods[0].weights if "moving" not in v.path]  # those are never read
    learned = [w for learner in two.learners.values() for w in learner.weights]
    for variable in [*learned, *kept]:
        values = [v.numpy() for v in strategy.experimental_local_results(variable.value)]
        assert len(values) == 2
        np.testing.assert_array_equal(*values, err_msg=variable.path)
    if name not in OWN_SHARE:
        one = train(make_strategy(1), name)
        for a, b in zip(one.weights, two.weights):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5, err_msg=a.path)


def test_all_replicas_rows_are_in_the_banks(make_strategy):
    """With the same rows seen, the banks differ from one replica's only by the negatives drawn."""
    one, two = (train(make_strategy(count), "CRD", sizes=(BATCH,)) for count in (1, 2))
    banks = [kd.methods[0].teacher_bank.numpy() for kd in (one, two)]
    start = train(make_strategy(1), "CRD", sizes=()).methods[0].teacher_bank.numpy()
    moved = [np.abs(bank - start).max(axis=1) > 0 for bank in banks]
    assert moved[0].sum() == BATCH
    np.testing.assert_array_equal(*moved)
