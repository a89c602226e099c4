"""Small networks to cut, and one wide layer of each kind, for the tests of `shrink`."""

import keras
import numpy as np
from keras import layers

from keras_kd.models.wrap.graph import calls_of, follow


def shaken(model, seed=0):
    """The model with weights that are all different, norms' too."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(np.asarray(weight) + rng.uniform(0.02, 0.1, weight.shape))
    return model


def photographs(count, shape=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype("float32")


def residual():
    """Convolution, norm, a residual sum, a dense layer: 8 channels all along, 3 classes."""
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem_conv")(images)
    x = shortcut = layers.ReLU(name="stem")(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="inner_conv")(x)
    x = layers.ReLU(name="inner")(layers.BatchNormalization(name="inner_bn")(x))
    x = layers.Conv2D(8, 3, padding="same", name="outer_conv")(x)
    x = layers.Add(name="sum")([x, shortcut])
    x = layers.GlobalAveragePooling2D(name="pre_logits")(x)
    return shaken(keras.Model(images, layers.Dense(3, name="logits")(x), name="residual"))


def network_of(make, shape=(8, 8, 3)):
    """What `follow` finds in a model from images to what a function makes of them."""
    images = keras.Input(shape)
    return follow(calls_of(keras.Model(images, make(images))))


def sizes(network):
    """Sorted sizes of the peers of a network: how many groups, and of how many channels each."""
    groups = network.groups
    counts = np.bincount(groups.group_of, minlength=groups.count)
    return sorted((len(peers), int(counts[peers.groups].max())) for peers in groups.peers)
