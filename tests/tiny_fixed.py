"""Views of a few digits, and what a teacher answers to them."""

import numpy as np
import tensorflow as tf

from keras_kd.data import FixedViews

SPLIT = "train[:30]"


def views_of(mode="fix/ic_ens", split=SPLIT, resolution=8, crops=5, **options):
    return FixedViews("digits", split, mode, resolution, crops=crops, **options)


def answers(teacher, images):
    """The teacher's logits, by NumPy."""
    kernel, bias = (w.numpy().astype(np.float64) for w in teacher.layers[-1].weights)
    return images.reshape(len(images), -1) @ kernel + bias


def probabilities(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def counted(teacher, calls):
    """The teacher, which notes how many images it is shown."""

    def run(images, training=False):
        tf.py_function(lambda: calls.append(int(images.shape[0])), [], [])
        return teacher(images, training=False)

    return run
