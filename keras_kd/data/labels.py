"""What labels mean: one class an example, or each class for itself; and what is refused.

Labels are looked at where the data are, on the host: before `fit` where they are arrays, else in
the input pipeline. XLA leaves checks out of a step and a GPU would wait for them; here they hold in
either, and cost a step nothing.
"""

import contextlib

import numpy as np
import tensorflow as tf
from keras import ops

TOLERANCE = 1e-2  # of a row's sum: half-precision mixtures round, a second label adds 1
UNKNOWN = -1  # the label of an example whose class nobody knows
MARK = "Labels must"  # how every sentence begins, by which an error of the pipeline is known


class Classes:
    """One class an example: int `[B]` or `[B, 1]`, or class probabilities `[B, K]`."""

    least = 0  # the smallest label

    def of(self, units):
        """The same meaning to a network that gives so many logits; one logit is two classes."""
        return self

    def counted(self, labels, logits):
        """(labels, logits) as metrics are to see them."""
        return labels, logits

    def known(self, labels, weight):
        """The weights `[B]` of examples, or None for 1, of which those without a label have 0."""
        return weight

    def loss(self, labels, logits):
        """Cross-entropy `[B]` of the labels and logits `[B, K]`."""
        logits = ops.cast(logits, "float32")
        if _is_rows(labels, logits.shape[1]):
            labels = ops.cast(labels, "float32")
            return ops.categorical_crossentropy(labels, logits, from_logits=True)
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)

    metric = "keras_kd.evaluation.accuracy()"
    # What takes each number for a probability, or counts logits above a threshold.
    misread = (
        "bce", "binaryaccuracy", "binarycrossentropy", "binaryiou", "auc", "precision", "recall",
        "precisionatrecall", "recallatprecision", "sensitivityatspecificity",
        "specificityatsensitivity", "truepositives", "truenegatives", "falsepositives",
        "falsenegatives",
    )  # fmt: skip

    def expected(self, num_classes):
        """(the shapes that there are, how to get one)."""
        return (
            f"classes, [B] or [B, 1], or class probabilities [B, {num_classes}]",
            "Give networks of as many classes, or the index of each example's class.",
        )

    def fault(self, labels, num_classes):
        """(whether values are wrong, a function that gives the sentence), in a graph."""
        if _is_rows(labels, num_classes):
            return _wrong_rows(labels, num_classes)
        return _wrong_classes(labels, num_classes, self.least)


class KnownClasses(Classes):
    """As `Classes`, int `[B]` or `[B, 1]`, and -1 for what is not known: it counts for nothing."""

    least = UNKNOWN

    def known(self, labels, weight):
        if len(labels.shape) == 2 and labels.shape[1] != 1:
            return weight
        known = ops.cast(ops.reshape(labels, (-1,)) > UNKNOWN, "float32")
        return known if weight is None else known * weight

    def loss(self, labels, logits):
        """As of `Classes`, 0 where the label is not known."""
        if _is_rows(labels, logits.shape[1]):
            return super().loss(labels, logits)
        labels = ops.reshape(labels, (-1,))
        return super().loss(ops.maximum(labels, 0), logits) * self.known(labels, None)

    def expected(self, num_classes):
        shapes, advice = super().expected(num_classes)
        return f"{shapes}, or -1 where a class is not known", advice


class MultiHot:
    """Each class for itself: for each example and class, 1 where it is there, else 0; `[B, K]`.

    Values between are probabilities. One class an example, int `[B]`, is the row with a single 1.
    """

    def of(self, units):
        """As for `Classes`: one logit is one class that is there or not, not two for themselves."""
        return PRESENT if units == 1 else self

    def counted(self, labels, logits):
        """As for `Classes`."""
        return labels, logits

    def known(self, labels, weight):
        """As for `Classes`."""
        return weight

    def loss(self, labels, logits):
        """Sigmoid cross-entropy `[B]` of labels and logits `[B, K]`, summed over the classes."""
        logits = ops.cast(logits, "float32")
        if not _is_rows(labels, logits.shape[1]):
            labels = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), logits.shape[1])
        labels = ops.cast(labels, "float32")
        return ops.sum(ops.softplus(logits) - labels * logits, axis=-1)

    # Keras counts a probability of 1/2, not a logit of 0, or the largest class alone.
    metric = "keras_kd.evaluation.binary_accuracy()"
    misread = (
        "accuracy", "acc", "binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy",
        "precision", "recall", "truepositives", "truenegatives", "falsepositives",
        "falsenegatives", "binaryiou",
    )  # fmt: skip

    def expected(self, num_classes):
        """As for `Classes`."""
        return (
            f"[B, {num_classes}], 1 for each class that is there and else 0",
            f"Give networks of as many classes, or keras.ops.multi_hot(indices, {num_classes}).",
        )

    def fault(self, labels, num_classes):
        """As for `Classes`."""
        if not _is_rows(labels, num_classes):
            return _wrong_classes(labels, num_classes)
        low, high = _range(labels)
        return tf.logical_not((low >= 0) & (high <= 1)), lambda: _sentence(
            "be 1 for each class that is there and else 0, or probabilities. Received: values "
            "from {} to {}. Bring them to [0, 1].", low, high,
        )  # fmt: skip


class Present(MultiHot):
    """One class that is there or not: 1 or 0, `[B]` or `[B, 1]`, or a probability.

    Its logit z comes as the two classes [0, z], see `keras_kd.models.output.two_classes`. Of them
    only z is a class for itself; the other would cost log 2 whatever z is. Rows `[B, 2]` say in
    their second column whether it is there.
    """

    def counted(self, labels, logits):
        if _is_rows(labels, 2):
            labels = labels[:, 1:]
        return ops.reshape(labels, (-1, 1)), logits[:, 1:]

    def loss(self, labels, logits):
        """Sigmoid cross-entropy `[B]` of labels and logits `[B, 2]`."""
        return super().loss(*self.counted(labels, logits))

    def expected(self, num_classes):
        return (
            "[B] or [B, 1], 1 where the class is there and else 0",
            "Give one label an example, or a network of as many logits as there are classes.",
        )

    def fault(self, labels, num_classes):
        if not _is_rows(labels, num_classes):
            labels = tf.reshape(labels, (-1, 1))
            num_classes = 1
        return super().fault(labels, num_classes)


CLASSES, KNOWN_CLASSES, MULTI_HOT, PRESENT = Classes(), KnownClasses(), MultiHot(), Present()


def checked(labels, kind, num_classes):
    """Labels that are what they should be.

    Args:
        labels: array or tensor; in a graph, as of an input pipeline, its values are looked at when
            it runs.
        kind: `CLASSES`, `KNOWN_CLASSES` or `MULTI_HOT`.
        num_classes: K of the networks.

    Returns:
        a tensor of the labels.

    Raises:
        ValueError: labels of another shape or type, or in eager mode other values.
        tf.errors.InvalidArgumentError: other values, where a graph runs; see `in_words`.
    """
    if isinstance(labels, np.ndarray) or not hasattr(labels, "dtype"):
        labels = np.asarray(labels)  # of objects or strings, too, which are no tensors
        refuse(labels.shape, labels.dtype.name, kind, num_classes)
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank is None:
        return labels
    refuse(tuple(labels.shape), labels.dtype.name, kind, num_classes)
    wrong, sentence = kind.fault(labels, num_classes)

    def stop():
        with tf.control_dependencies([tf.debugging.Assert(False, [sentence()])]):
            return tf.identity(labels)

    with in_words():
        return tf.cond(wrong, stop, lambda: tf.identity(labels))


@contextlib.contextmanager
def in_words():
    """Context in which the failing check of a graph raises a ValueError of its one sentence."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if MARK not in error.message:
            raise
        said = error.message[error.message.index(MARK) :].split("\n")[0]
        raise ValueError(said.rstrip("'\"]")) from error


def _is_rows(labels, num_classes):
    return len(labels.shape) == 2 and labels.shape[1] == num_classes


def refuse(shape, dtype, kind, num_classes):
    """Refuses labels that no values could make right.

    Args:
        shape: tuple, None for what is not known.
        dtype: name of their type.
        kind, num_classes: as for `checked`.

    Raises:
        ValueError: another shape, or no numbers.
    """
    if dtype.startswith(("str", "bytes", "object")):
        raise ValueError(
            f"{MARK} be numbers. Received: labels of type {dtype}. Number the classes from 0: "
            "names, labels = numpy.unique(labels, return_inverse=True)."
        )
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, num_classes, None))):
        expected, advice = kind.expected(num_classes)
        raise ValueError(f"{MARK} be {expected}. Received: labels of shape {shape}. {advice}")


def _range(labels):
    """The least and the largest value, in float64: exact for every index."""
    values = tf.cast(labels, tf.float64)
    # A NaN is neither: it must not hide between others.
    nan = tf.reduce_any(tf.math.is_nan(values))
    low, high = tf.reduce_min(values) + 0.0, tf.reduce_max(values) + 0.0  # -0 reads as 0
    return (tf.where(nan, tf.constant(np.nan, tf.float64), value) for value in (low, high))


def _wrong_classes(labels, num_classes, least=0):
    low, high = _range(labels)
    values = tf.cast(labels, tf.float64)
    whole = tf.reduce_all(tf.equal(values, tf.floor(values)))
    right = whole & (low >= least) & (high < num_classes)
    # Of no examples there is nothing to say.
    return tf.logical_not(right | tf.equal(tf.size(labels), 0)), lambda: _sentence(
        f"be whole numbers from {least} to {num_classes - 1}, one an example. Received: labels "
        "from {} to {}. Give labels - 1 where they count from 1, networks of more classes, or, of "
        f"what is between classes, their probabilities [B, {num_classes}].", low, high,
    )  # fmt: skip


def _wrong_rows(labels, num_classes):
    values = tf.cast(labels, tf.float64)
    sums = tf.reduce_sum(values, axis=-1)
    low, high = _range(sums)
    least, _ = _range(labels)
    right = (low >= 1 - TOLERANCE) & (high <= 1 + TOLERANCE) & (least >= -TOLERANCE)
    return tf.logical_not(right | tf.equal(tf.size(labels), 0)), lambda: _sentence(
        f"be classes, [B], or class probabilities [B, {num_classes}] whose rows sum to 1. "
        "Received: rows that sum to {} up to {}, with values from {}. Where an example may have "
        "several classes at once, learn by BinarySoftTargets and BinaryLabels.", low, high, least,
    )  # fmt: skip


def _sentence(text, *values):
    return tf.strings.format(f"{MARK} {text}", values)
