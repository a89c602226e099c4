"""Fidelity: how closely a student follows its teacher, labels aside."""

import keras
from keras import ops

from keras_kd.batch import view
from keras_kd.evaluation.accuracy import top1


def kl_divergence(teacher_logits, student_logits):
    """KL(teacher || student) of each example at temperature 1, in nats.

    Args:
        teacher_logits: `[B, K]`.
        student_logits: `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    log_p = ops.log_softmax(ops.cast(teacher_logits, "float32"), axis=-1)
    log_q = ops.log_softmax(ops.cast(student_logits, "float32"), axis=-1)
    return ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)


def agreement(teacher_logits, student_logits):
    """1 where both models answer with the same class, else 0; float32 `[B]`."""
    same = ops.argmax(teacher_logits, axis=-1) == ops.argmax(student_logits, axis=-1)
    return ops.cast(same, "float32")


def fidelity(student, teacher, dataset):
    """Compares a student with its teacher on a data set.

    Args:
        student: Keras model from images to logits `[B, K]`.
        teacher: Keras model from images to logits `[B, K]`.
        dataset: iterable of `x` or `(x, y)`; `x` a tensor of images or a dict with `student`,
            `teacher` or `image` for both.

    Returns:
        dict of floats: `kl` (mean KL(teacher || student) in nats), `agreement` (share of equal
        answers, 0 to 1), and, where there are labels, `student_accuracy`, `teacher_accuracy`.

    Raises:
        ValueError: the data set is empty.
    """
    means = {}

    def add(name, values):
        means.setdefault(name, keras.metrics.Mean()).update_state(values)

    for batch in dataset:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        s = student(view(x, "student"), training=False)
        t = teacher(view(x, "teacher"), training=False)
        add("kl", kl_divergence(t, s))
        add("agreement", agreement(t, s))
        if y is not None:
            for name, logits in (("student_accuracy", s), ("teacher_accuracy", t)):
                add(name, top1(y, logits))
    if not means:
        raise ValueError("fidelity needs data. Received: a data set with no batches.")
    return {name: float(mean.result()) for name, mean in means.items()}
