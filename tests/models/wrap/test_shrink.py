"""Every family of networks, cut; and what `shrink` refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shrunk import photographs, residual

from keras_kd import models
from keras_kd.models import shrink
from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.importance import KINDS
from keras_kd.models.wrap.norms import measure_norms
from keras_kd.models.wrap.sizes import int8_bytes

SMALL = {
    "bit_resnet": {"depth": (1, 1), "width": 0.25},
    "efficientnet_lite": {},
    "mobilenet_v3_small": {"alpha": 0.35},
    "mobilenet_v3_large": {"alpha": 0.35, "norm": "group"},
    "resnet": {"depth": 8},
}
APPLICATIONS = {
    "VGG16": 32, "ResNet50V2": 32, "DenseNet121": 32, "InceptionV3": 75, "Xception": 71,
    "MobileNet": 32, "MobileNetV2": 32, "MobileNetV3Small": 32, "EfficientNetV2B0": 32,
    "ConvNeXtTiny": 32, "NASNetMobile": 32,
}  # fmt: skip


def check(model):
    """Width 1 gives equal logits; half of it has gradients everywhere, and learns by them."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign_add(rng.normal(0, 0.02, weight.shape))
    x = photographs(8, model.input_shape[1:])
    measure_norms(model, [x])  # as a network is that has learned
    np.testing.assert_array_equal(shrink(model, 1.0)(x), model(x))
    half = shrink(model, 0.5, images=x)
    assert half.count_params() < 0.5 * model.count_params()
    losses = []
    for _ in range(2):
        with tf.GradientTape() as tape:
            logits = half(x, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(np.arange(8) % 4, logits)
        gradients = tape.gradient(loss, half.trainable_variables)
        for weight, gradient in zip(half.trainable_variables, gradients):
            assert np.isfinite(gradient).all() and np.any(gradient), weight.path
            weight.assign_sub(1e-4 * gradient)
        losses.append(np.sum(loss))
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", SMALL)
def test_families(name):
    check(models.build(name, 7, (32, 32, 3), **SMALL[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications(name):
    side = APPLICATIONS[name]
    make = getattr(keras.applications, name)
    check(make(weights=None, classes=5, input_shape=(side, side, 3), classifier_activation=None))


@pytest.mark.slow
def test_resnet50():
    check(models.build("resnet50", 7, (32, 32, 3)))


@pytest.mark.parametrize("importance", KINDS)
def test_another_size_of_images(importance):
    small = shrink(
        residual(), 0.5, 0.9, importance, photographs(8, (12, 12, 3)), input_shape=(12, 12, 3)
    )
    assert small.input_shape == (None, 12, 12, 3)


def test_statistics_are_measured_after_the_cut():
    model, x = residual(), photographs(8)
    small = shrink(model, 0.5, images=x)
    stem = small.get_layer("stem_conv")(x)
    norm = small.get_layer("stem_bn")
    np.testing.assert_allclose(norm.moving_mean, np.mean(stem, axis=(0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, np.var(stem, axis=(0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("choice", ["uniform", "global"])
def test_budget(choice):
    model = models.resnet(8, 1.0, 3, (8, 8, 3))
    sizes = [
        shrink(model, 0.9, bytes=b, choice=choice).count_params() for b in (10**9, 40_000, 20_000)
    ]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3
    with pytest.raises(ValueError, match=r"Received: bytes=1000; the narrowest"):
        shrink(model, 0.9, bytes=1000)


def stem_width(model):
    """Stands for milliseconds: known, and the more the wider."""
    return 0.5 * model.get_layer("stem_conv").filters


def test_widths_within_a_latency():
    model = residual()
    small = shrink(model, 0.9, latency_ms=1.6, latency_of=stem_width)
    assert small.get_layer("stem_conv").filters == 3
    with pytest.raises(ValueError, match=r"latency_ms=0.4; the narrowest.*needs 0.5"):
        shrink(model, 0.9, latency_ms=0.4, latency_of=stem_width)


def test_bytes_and_latency_both_hold():
    model = residual()
    few, quick = 14_250, 3.1  # of the stem's 8 channels 3 and 6
    network = follow(calls_of(model))
    for arguments, expected in (
        ({"bytes": few}, 3), ({"latency_ms": quick}, 6), ({"bytes": few, "latency_ms": quick}, 3),
        ({"bytes": 10**6, "latency_ms": 1.1}, 2), ({"bytes": few, "latency_ms": 1.1}, 2),
    ):  # fmt: skip
        small = shrink(model, 0.9, latency_of=stem_width, **arguments)
        assert small.get_layer("stem_conv").filters == expected, arguments
    assert int8_bytes(network, np.ones(network.groups.count, bool)) > few


class Unknown(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.mean(inputs, axis=(1, 2))


def test_what_has_no_channels_to_cut_is_not_given_back_in_silence(caplog):
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.Dense(3, name="logits")(Unknown(name="all")(images)))
    x = photographs(2)
    np.testing.assert_array_equal(shrink(model, 1.0)(x), model(x))
    assert not caplog.text  # nothing was to be cut
    shrink(model, 0.5)
    assert "in the layers all, logits: the network stays as wide as it was" in caplog.text


@pytest.mark.parametrize(("arguments", "words"), [
    ({"choice": "globl"}, r"choice='globl'.*Did you mean 'global'"),
    ({"importance": "taylor"}, "images=None, importance='taylor'"),
    ({"images": np.zeros((2, 8, 8, 1))}, r"of the shape \(2, 8, 8, 1\)"),
    ({"images": np.zeros((0, 8, 8, 3))}, r"N of at least 1"),
    ({"width": 0}, "width must be a share above 0"),
    ({"seed": -1}, r"seed must be a whole number of at least 0. Received: seed=-1"),
    ({"model": None, "images": photographs(2)}, r"Received: model=None of type NoneType"),
])  # fmt: skip
def test_bad_input(arguments, words):
    with pytest.raises(ValueError, match=words):
        shrink(**{"model": residual(), **arguments})
