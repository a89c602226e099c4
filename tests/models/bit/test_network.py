"""BiT against a plain-TensorFlow reference written from the paper, and published sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import bit_resnet
from keras_kd.models.bit.published import UNITS
from keras_kd.models.flops import size_without_weights


class Reference:
    """BiT in tf.nn.* alone; weights by layer name, in creation order of the model."""

    def __init__(self, model):
        self.weights = {layer.name: layer.get_weights() for layer in model.layers}

    def conv(self, x, name, stride=1):
        (kernel,) = self.weights[name]
        mean, variance = tf.nn.moments(tf.constant(kernel), [0, 1, 2], keepdims=True)
        kernel = (kernel - mean) / tf.sqrt(variance + 1e-10)
        pad = int(kernel.shape[0]) // 2
        x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        return tf.nn.conv2d(x, kernel, stride, "VALID")

    def norm(self, x, name):
        gamma, beta = self.weights[name]
        groups = min(32, x.shape[-1])
        y = tf.reshape(x, [*x.shape[:3], groups, -1])
        mean, variance = tf.nn.moments(y, [1, 2, 4], keepdims=True)
        y = tf.nn.batch_normalization(y, mean, variance, None, None, 1e-5)
        return tf.nn.relu(tf.reshape(y, x.shape) * gamma + beta)

    def unit(self, x, name, stride):
        shortcut, y = x, self.norm(x, f"{name}_norm1")
        if f"{name}_proj" in self.weights:
            shortcut = self.conv(y, f"{name}_proj", stride)
        y = self.norm(self.conv(y, f"{name}_conv1"), f"{name}_norm2")
        y = self.norm(self.conv(y, f"{name}_conv2", stride), f"{name}_norm3")
        return self.conv(y, f"{name}_conv3") + shortcut

    def network(self, x, units):
        x = self.conv(x, "root_conv", 2)
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.max_pool2d(x, 3, 2, "VALID")
        for block, count in enumerate(units, 1):
            for unit in range(1, count + 1):
                stride = 2 if block > 1 and unit == 1 else 1
                x = self.unit(x, f"block{block}_unit{unit:02d}", stride)
        x = tf.reduce_mean(self.norm(x, "norm"), [1, 2])
        kernel, bias = self.weights["logits"]
        return x @ kernel + bias


def randomize(model, seed=0):
    """Weights that leave nothing at its neutral start: scales, offsets and head included."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [rng.normal(0.1, 0.5, w.shape).astype("float32") for w in model.get_weights()]
    )


def images(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


# An even and an odd side, since padding errors show at one and hide at the other.
@pytest.mark.parametrize("side", [64, 49])
def test_network_equals_plain_tensorflow(side):
    model = bit_resnet((1, 2, 1), 0.25, 5, (side, side, 3))
    randomize(model)
    x = images(2, side, side, 3)
    expected = Reference(model).network(tf.constant(x), (1, 2, 1))
    np.testing.assert_allclose(model(x), expected, atol=1e-4)
    assert np.std(expected) > 0.1


def test_unknown_sides_give_the_same_numbers():
    fixed = bit_resnet((1, 1), 0.25, 3, (32, 24, 3))
    free = bit_resnet((1, 1), 0.25, 3, (None, None, 3))
    randomize(fixed)
    free.set_weights(fixed.get_weights())
    x = images(2, 32, 24, 3)
    np.testing.assert_allclose(free(x), fixed(x), atol=1e-5)


# Kolesnikov et al. 2020; timm's resnetv2_50x1_bit and its siblings count the same.
@pytest.mark.parametrize(
    ("depth", "width", "classes", "count"),
    [(50, 1, 1000, 25_549_352), (50, 1, 37, 23_576_165), (101, 1, 1000, 44_541_480)],
)
def test_published_parameter_counts(depth, width, classes, count):
    assert bit_resnet(depth, width, classes).count_params() == count


def counted(units, width, classes):
    """Parameters added up by hand from the paper's table, layer by layer."""
    base = channels = 64 * width
    total = 7 * 7 * 3 * base
    for stage, count in enumerate(units):
        hidden = base * 2**stage
        for unit in range(count):
            out = 4 * hidden
            total += 2 * channels + channels * hidden  # norm and 1x1
            total += 2 * hidden + 9 * hidden * hidden  # norm and 3x3
            total += 2 * hidden + hidden * out  # norm and 1x1
            total += channels * out if unit == 0 else 0  # projection
            channels = out
    return total + 2 * channels + channels * classes + classes


# The six published networks, in millions at 1000 classes as timm's model cards print them.
@pytest.mark.parametrize(
    ("depth", "width", "millions"),
    [
        (50, 1, 25.55),
        (50, 3, 217.32),
        (101, 1, 44.54),
        (101, 3, 387.93),
        (152, 2, 236.34),
        (152, 4, 936.53),
    ],
)
def test_parameter_counts_equal_a_sum_by_hand(depth, width, millions):
    # Only shapes are made: gigabytes of weights would say nothing more.
    count = size_without_weights(lambda: bit_resnet(depth, width)).parameters
    assert count == counted(UNITS[depth], width, 1000)
    assert round(count / 1e6, 2) == millions


def test_every_weight_learns():
    model = bit_resnet((1, 1), 0.25, 3, (32, 32, 3))
    randomize(model)
    with tf.GradientTape() as tape:
        logits = model(images(4, 32, 32, 3), training=True)
        loss = tf.reduce_sum(logits * images(4, 3, seed=5))
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(loss, [w.value for w in model.trainable_weights])
    ):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, weight.path


def test_head_starts_at_zero_and_taps_exist():
    model = bit_resnet((1, 1, 1, 1), 0.25, 7, (64, 64, 3))
    np.testing.assert_array_equal(model(images(2, 64, 64, 3)), np.zeros((2, 7)))
    sides = {name: model.get_layer(name).output.shape[1:] for name in ("stem", "stage1", "stage4")}
    assert sides == {"stem": (16, 16, 16), "stage1": (16, 16, 64), "stage4": (2, 2, 512)}
    assert model.get_layer("pre_logits").output.shape == (None, 512)


def test_small_root_keeps_the_resolution():
    model = bit_resnet((1,), 0.25, 2, (8, 8, 1), small_root=True)
    assert model.get_layer("stage1").output.shape == (None, 8, 8, 64)
    assert (
        model.count_params() == 9 * 16 + (32 + 1024 + 256) + (32 + 2304) + (32 + 1024) + 128 + 130
    )


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_saves_and_loads(norm, tmp_path):
    model = bit_resnet((1, 1), 0.25, 3, (32, 32, 3), norm=norm, dropout=0.1)
    randomize(model) if norm == "group" else None
    x = images(2, 32, 32, 3)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), model(x))


def test_logits_are_float32_under_mixed_precision():
    model = bit_resnet((1, 1), 0.25, 3, (32, 32, 3))
    randomize(model)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = bit_resnet((1, 1), 0.25, 3, (32, 32, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    x = images(2, 32, 32, 3)
    assert half.output.dtype == "float32" and half.get_layer("stage1").output.dtype == "bfloat16"
    full = np.asarray(model(x))
    assert np.abs(half(x) - full).max() < 0.05 * np.abs(full).max()


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"depth": 34}, "Received: depth=34"),
        ({"depth": (1, 0)}, r"Received: depth=\(1, 0\)"),
        ({"width": 0.7}, "group norm splits.*Received: channels=45"),
        ({"width": -1}, "Received: width=-1"),
        ({"norm": "layer"}, "Received: norm='layer'"),
        ({"num_classes": 0}, "Received: num_classes=0"),
        ({"input_shape": (32, 32)}, r"Received: input_shape=\(32, 32\)"),
        ({"synchronized": True}, "synchronized=True is for batch norm"),
        ({"dropout": 1.0}, "Received: dropout=1.0"),
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        bit_resnet(**{"depth": (1,), "input_shape": (16, 16, 3), **kwargs})


def test_tflite_int8_leaves_no_square_or_negation():
    from ai_edge_litert.interpreter import Interpreter
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    model = bit_resnet((1,), 0.25, 3, (16, 16, 3))
    randomize(model)
    function = tf.function(lambda x: model(x, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, 16, 16, 3)))
    frozen = convert_variables_to_constants_v2(concrete)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images(1, 16, 16, 3, seed=i)] for i in range(4))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    names = {op["op_name"] for op in interpreter._get_ops_details()}
    assert "CONV_2D" in names and not names & {"SQUARE", "NEG", "SQUARED_DIFFERENCE"}
    floats = [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] == np.float32]
    assert floats == []
