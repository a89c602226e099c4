"""Models that teach, and modules that are saved, for tests of what loads them."""

import keras
import numpy as np
import tensorflow as tf


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape or (2, 8, 8, 3)).astype("float32")


def small(*leading, side=8, classes=4, activation=None):
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            *leading,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation=activation, name="top"),
        ]
    )


class Mean(tf.Module):
    """The three channel means as logits, or their softmax, or not a number."""

    def __init__(self, kind="logits"):
        super().__init__()
        self.kind = kind
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def __call__(self, x):
        logits = tf.reduce_mean(x, [1, 2]) * self.scale
        extra = {"softmax": tf.nn.softmax(logits), "nan": logits * np.nan}
        return extra.get(self.kind, logits)


def saved(path, kind="logits", recorded=None):
    tf.saved_model.save(Mean(kind), str(path))
    if recorded is not None:
        (path / "assets.extra").mkdir()
        (path / "assets.extra" / "keras_kd.json").write_text(recorded)
    return str(path)
