"""What the builders share: layers against NumPy and Keras, and arguments that are refused."""

import keras
import numpy as np
import pytest

from keras_kd.models import layers
from keras_kd.models.layers import GroupNorm, StandardizedConv2D


def images(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def test_kernel_statistics_and_limit_of_a_constant_kernel():
    layer = StandardizedConv2D(4, 3, use_bias=False)
    layer.build((None, 8, 8, 5))
    kernel = np.random.default_rng(0).normal(3, 7, (3, 3, 5, 4))
    layer.set_weights([kernel])
    wanted = (kernel - kernel.mean((0, 1, 2))) / np.sqrt(kernel.var((0, 1, 2)) + 1e-10)
    np.testing.assert_allclose(layer.standardized_kernel(), wanted, atol=1e-5)
    layer.set_weights([np.full((3, 3, 5, 4), 2.0)])
    np.testing.assert_array_equal(layer.standardized_kernel(), 0.0)


def test_stored_kernel_is_not_rounded_under_mixed_precision():
    # In half precision these values are all equal and the kernel would vanish.
    layer = StandardizedConv2D(1, 1, use_bias=False, dtype="mixed_float16")
    layer.build((None, 1, 1, 2))
    layer.set_weights([np.array([1.0, 1.0001], "float32").reshape(1, 1, 2, 1)])
    output = layer(np.array([[[[0.0, 1.0]]]], "float16"))
    assert output.dtype == "float16"
    np.testing.assert_allclose(output, 1.0, atol=0.05)


def test_group_norm_equals_keras():
    ours, theirs = GroupNorm(4), keras.layers.GroupNormalization(4, epsilon=1e-5)
    x = images(3, 5, 6, 12) * 10 + 3
    ours.build(x.shape), theirs.build(x.shape)
    weights = [images(12, seed=2), images(12, seed=3)]
    ours.set_weights(weights), theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_group_norm_of_half_precision_does_not_overflow():
    x = np.full((1, 2, 2, 2), 6e4, "float16")
    x[0, 0] = -6e4
    output = np.asarray(GroupNorm(1, dtype="mixed_float16")(x), "float32")
    np.testing.assert_allclose(np.abs(output), 1.0, atol=1e-3)


def test_a_width_scales_to_the_nearest_count():
    assert [layers.scaled(64, width) for width in (1, 0.25, 1.51, 3)] == [64, 16, 97, 192]
    for width, message in (
        (0, "positive number. Received: width=0"),
        (True, "Received: width=True"),
        (float("nan"), "Received: width=nan"),
        (0.001, "no channel out of 64. Received: width=0.001. Use at least 0.015625"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.scaled(64, width)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (8, 8, 3)), "num_classes=0"),
        ((2, (8, 8)), r"known number of channels\. Received: input_shape=\(8, 8\)"),
        ((2, (8, 8, None)), "known number of channels"),
        ((2, (7, 8, 3), 8), r"at least 8 pixels\. Received: input_shape=\(7, 8, 3\)"),
        ((2, (8, 8.0, 3)), "must be integers"),
        ((2, (8, 8, 1), 1, 3), r"images of 3 channels\. Received: input_shape=\(8, 8, 1\)"),
    ],
    ids=str,
)
def test_sizes_that_no_network_can_have(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.check_size(*arguments)


def test_unknown_sides_are_allowed():
    assert layers.check_size(2, [None, None, 3], min_side=32) == (None, None, 3)


def test_a_head_starts_where_every_class_is_as_likely():
    inputs = keras.Input((4,), dtype="float16")
    model = keras.Model(inputs, layers.head(inputs, 3, dropout=0.5))
    logits = model(np.ones((2, 4), "float16"))
    assert logits.dtype == "float32" and not np.any(logits)
    with pytest.raises(ValueError, match=r"in \[0, 1\)\. Received: dropout=1\.0"):
        layers.head(inputs, 3, dropout=1.0)


def test_a_norm_is_named():
    assert isinstance(layers.norm_layer("group", "n"), GroupNorm)
    batch = layers.norm_layer("batch", "n", synchronized=True)
    assert batch.synchronized and batch.name == "n"
    with pytest.raises(ValueError, match="Received: norm='layer'"):
        layers.norm_layer("layer", "n")
    with pytest.raises(ValueError, match="Drop `synchronized`"):
        layers.norm_layer("group", "n", synchronized=True)


def test_a_relabelled_model_computes_the_same_under_names_that_do_not_drift():
    def build():
        inputs = keras.Input((4,), name="image")
        x = keras.layers.Dense(5)(inputs)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        return keras.Model(inputs, keras.layers.Dense(2, name="top")(x))

    first, second = build(), build()
    x = images(3, 4)
    for model in (first, second):
        tap = model.layers[3].name
        copy = layers.relabelled(model, {tap: "stem"}, momentum=0.5)
        names = [layer.name for layer in copy.layers]
        assert names == ["image", "dense_1", "batch_normalization_1", "stem", "top"]
        assert copy.layers[2].momentum == 0.5
        np.testing.assert_array_equal(copy(x), model(x))
    assert [layer.name for layer in first.layers] != [layer.name for layer in second.layers]
