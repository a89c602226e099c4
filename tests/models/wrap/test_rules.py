"""Which channels must go together, layer by layer; the counts are worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from shrunk import network_of, photographs, shaken, sizes

from keras_kd.models import shrink
from keras_kd.models.layers import GroupNorm, StandardizedConv2D
from keras_kd.models.resnet import IdentityShortcut
from keras_kd.models.wrap.rules import RULES


def conv(filters, **kwargs):
    return layers.Conv2D(filters, 1, **kwargs)


def ended(x):
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x)


def squeezed(x):
    """x times a gate of its own means."""
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, conv(8, activation="sigmoid")(conv(2)(gate))])


# What stands between a convolution to 8 channels and the classifier -> (groups, channels) of peers.
CASES = {
    "nothing": (lambda x: x, [(8, 1)]),
    "depthwise": (layers.DepthwiseConv2D(3, depth_multiplier=2), [(8, 1)]),
    "separable": (layers.SeparableConv2D(4, 3, depth_multiplier=2), [(4, 1), (8, 1)]),
    "transposed": (layers.Conv2DTranspose(4, 3, strides=2), [(4, 1), (8, 1)]),
    "grouped": (conv(12, groups=4), [(2, 4), (3, 4)]),
    "depthwise as groups": (conv(16, groups=8), [(8, 3)]),
    "one of each group": (conv(4, groups=4), [(4, 3)]),
    "dense": (layers.Dense(5), [(5, 1), (8, 1)]),
    "flatten": (layers.Flatten(), [(8, 1)]),
    "reshape to one": (layers.Reshape((-1,)), [(8, 1)]),
    "reshape": (layers.Reshape((4, 16, 8)), [(8, 1)]),
    "shuffle": (layers.Reshape((16, 8, 4)), []),
    "permute": (layers.Permute((3, 1, 2)), []),
    "batch norm": (layers.BatchNormalization(), [(8, 1)]),
    "norm of rows": (layers.BatchNormalization(axis=1), []),
    "layer norm": (layers.LayerNormalization(), [(8, 1)]),
    "prelu": (layers.PReLU(), [(8, 1)]),
    "group norm": (layers.GroupNormalization(4), [(4, 2)]),
    "our group norm": (GroupNorm(2), [(2, 4)]),
    "instance norm": (layers.GroupNormalization(-1), [(8, 1)]),
    "standardized": (StandardizedConv2D(4, 3), [(4, 1), (8, 1)]),
    "softmax": (layers.Activation("softmax"), []),
    "sum": (lambda x: layers.Add()([x, conv(8)(x)]), [(8, 2)]),
    "concatenation": (lambda x: layers.Concatenate()([x, conv(4)(x)]), [(4, 1), (8, 1)]),
    "of rows": (lambda x: layers.Concatenate(axis=1)([x, conv(8)(x)]), [(8, 2)]),
    "sum of a concatenation": (
        lambda x: layers.Add()([layers.Concatenate()([x, conv(4)(x)]), conv(12)(x)]),
        [(4, 2), (8, 2)],
    ),
    "squeeze and excitation": (squeezed, [(2, 1), (8, 2)]),
    "one map for all": (lambda x: layers.Multiply()([x, conv(1)(x)]), [(8, 1)]),
    "shortcut with zeros": (
        lambda x: layers.Add()([IdentityShortcut(12)(x), conv(12)(x)]),
        [(4, 2), (8, 2)],
    ),
    "ops": (lambda x: ops.relu6(x + 3.0) * (1 / 6) + conv(8)(x), [(8, 2)]),
    "ops with an array": (lambda x: x * np.arange(8.0, dtype="float32"), []),
    "mean of pixels": (lambda x: ops.mean(x, axis=(1, 2)), [(8, 1)]),
    "mean of channels": (lambda x: ops.mean(x, axis=-1, keepdims=True), []),
}


@pytest.mark.parametrize("case", CASES)
def test_groups(case):
    middle, expected = CASES[case]
    assert sizes(network_of(lambda images: ended(middle(conv(8)(images))))) == expected


@pytest.mark.parametrize("case", CASES)
def test_half_of_it_computes(case):
    middle, peers = CASES[case]
    images = keras.Input((8, 8, 3))
    model = shaken(keras.Model(images, ended(middle(conv(8)(images)))))
    half = shrink(model, 0.5)
    x = photographs(2)
    np.testing.assert_array_equal(shrink(model, 1.0)(x), model(x))
    assert np.isfinite(half(x)).all() and half.output_shape == (None, 3)
    assert (half.count_params() < model.count_params()) == bool(peers)


def test_every_rule_stands_for_a_type():
    assert all(isinstance(kind, type) for kind in RULES)
