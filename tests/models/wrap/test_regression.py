import keras
import numpy as np
from keras import layers
from shrunk import photographs

from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.importance import importance_of
from keras_kd.models.wrap.regression import forward_shares


def naive(x, y):
    """One least-squares problem a step and candidate."""
    order, shares, before = [], {}, 0.0
    for _ in range(x.shape[1]):
        explained = {}
        for one in set(range(x.shape[1])) - set(order):
            columns = x[:, [*order, one]]
            left = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
            explained[one] = 1 - (left**2).sum() / (y**2).sum()
        best = max(explained, key=explained.get)
        order.append(best)
        shares[best] = explained[best] - before
        before = explained[best]
    return order, [shares[one] for one in range(x.shape[1])]


def test_shares_are_those_of_least_squares():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    y = x @ rng.normal(size=(6, 3)) + rng.normal(size=(200, 3))
    order, expected = naive(x, y)
    found = forward_shares(x, y)
    assert list(np.argsort(-found, kind="stable"))[:4] == order[:4]
    falling = np.minimum.accumulate([expected[one] for one in order])
    np.testing.assert_allclose(found[order], falling, atol=5e-3)


def test_a_copy_explains_nothing():
    x = np.random.default_rng(0).normal(size=(100, 3))
    x = np.concatenate([x, 3 * x[:, :1]], axis=1)
    found = forward_shares(x, x.sum(axis=1, keepdims=True))
    assert found[3] > 0.5 and found[0] < 1e-4
    np.testing.assert_allclose(found.sum(), 1, atol=1e-2)


def test_silent_channels():
    found = forward_shares(np.zeros((10, 3)), np.zeros((10, 2)))
    np.testing.assert_array_equal(found, 0)


def test_channels_of_a_network():
    """By a 1x1 and by a 3x3 kernel: of two alike one counts, and one that is not read does not."""
    for size in (1, 3):
        images = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3, padding="same", name="conv")(images)
        x = layers.Conv2D(3, size, padding="same", name="reads")(x)
        model = keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
        kernel = np.asarray(model.get_layer("conv").kernel).copy()
        kernel[..., 1] = kernel[..., 0]
        model.get_layer("conv").kernel.assign(kernel)
        reads = np.asarray(model.get_layer("reads").kernel).copy()
        reads[:, :, 3] = 0
        reads[:, :, :2] = np.abs(reads[:, :, :2])
        model.get_layer("reads").kernel.assign(reads)
        network = follow(calls_of(model))
        call = next(one for one in network.calls if one.layer.name == "conv")
        found = importance_of(network, "regression", photographs(20))
        found = found[network.groups.group_of[call.out]]
        # A copy whose kernel reads in another way explains a little more under a 3x3 kernel.
        assert min(found[0], found[1]) < 0.1 * max(found[0], found[1])
        assert found[3] < 1e-6 and found[2] > 0.01


def test_where_no_reader_is_linear_l1_counts():
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = layers.Conv2DTranspose(3, 3, padding="same")(x)
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(x)))
    network = follow(calls_of(model))
    by_l1 = importance_of(network, "l1")
    found = importance_of(network, "regression", photographs(4))
    first = network.groups.group_of[network.calls[0].out]
    np.testing.assert_array_equal(found[first], by_l1[first])
