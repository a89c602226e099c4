"""Every data-free scheme on two replicas."""

import any_method
import keras
import numpy as np
import pytest
import tensorflow as tf
from any_method import DATA_FREE

import keras_kd
from keras_kd.data.assembly import options

# These compare within the batch: a replica looks at its own share, as their docstrings say.
OWN_SHARE = {"DAFL", "DeepInversion", "FastDatafree"}


def network(seed, norm):
    keras.utils.set_random_seed(seed)
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1), norm=norm, dropout=0.0
    )


def train(strategy, name):
    with strategy.scope():
        kd = any_method.data_free(name, network(1, "group"), network(2, "batch"))
        kd.compile({each: keras.optimizers.SGD(0.05) for each in kd.learners})
    ids = tf.data.Dataset.range(16).batch(8).map(lambda ids: ({"id": ids},))
    kd.fit(ids.with_options(options()), shuffle=False, verbose=0)
    return kd


@pytest.mark.parametrize("name", DATA_FREE)
def test_two_replicas(make_strategy, name):
    strategy = make_strategy(2)
    two = train(strategy, name)
    weights = [w for learner in two.learners.values() for w in learner.weights]
    for variable in weights:
        values = [v.numpy() for v in strategy.experimental_local_results(variable.value)]
        assert len(values) == 2 and np.isfinite(values).all()
        np.testing.assert_array_equal(*values, err_msg=variable.path)
    if name in OWN_SHARE:
        return
    one = train(make_strategy(1), name)
    alone = [w for learner in one.learners.values() for w in learner.weights]
    for a, b in zip(alone, weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-5, err_msg=a.path)
