"""Top-1 accuracy for labels in either form."""

import keras
from keras import ops

from keras_kd.models.output import two_classes


def label_classes(labels, num_classes):
    """The (heaviest) class of each example.

    Args:
        labels: int `[B]` or `[B, 1]`, or class probabilities `[B, K]`.
        num_classes: K >= 2.

    Returns:
        int32 `[B]`.
    """
    mixed = len(labels.shape) == 2 and labels.shape[1] == num_classes
    classes = ops.argmax(labels, axis=-1) if mixed else ops.reshape(labels, (-1,))
    return ops.cast(classes, "int32")


def top1(labels, logits):
    """1 where the largest logit is the (heaviest) label, else 0.

    Args:
        labels: int `[B]` or `[B, 1]`, or class probabilities `[B, K]`.
        logits: `[B, K]`; one logit z is two classes, [0, z].

    Returns:
        float32 `[B]`.
    """
    logits = two_classes(logits)
    classes = label_classes(labels, logits.shape[1])
    return ops.cast(ops.argmax(logits, axis=-1) == classes, "float32")


def accuracy():
    """A metric named `accuracy`, a share from 0 to 1."""
    return keras.metrics.MeanMetricWrapper(top1, name="accuracy")
