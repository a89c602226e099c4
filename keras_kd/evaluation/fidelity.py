"""Fidelity: how closely a student follows its teacher on each example, labels aside.

One logit z is two classes, [0, z].
"""

from keras import ops

from keras_kd.models.output import two_classes


def kl_divergence(teacher_logits, student_logits):
    """KL(teacher || student) of each example at temperature 1, in nats.

    Args:
        teacher_logits: `[B, K]`.
        student_logits: `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    log_p = ops.log_softmax(two_classes(ops.cast(teacher_logits, "float32")), axis=-1)
    log_q = ops.log_softmax(two_classes(ops.cast(student_logits, "float32")), axis=-1)
    return ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)


def l2_distance(teacher_logits, student_logits):
    """Length of the difference of both models' logits, sqrt(sum over classes of (t - s)^2).

    The released code of Beyer et al. 2021 (arXiv 2106.05237) logs it as "euclidean". It also
    counts an offset that all logits of an example share, of which probabilities know nothing.

    Args:
        teacher_logits: `[B, K]`.
        student_logits: `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    teacher, student = (ops.cast(logits, "float32") for logits in (teacher_logits, student_logits))
    difference = two_classes(teacher) - two_classes(student)
    return ops.sqrt(ops.sum(ops.square(difference), axis=-1))


def agreement(teacher_logits, student_logits, k=1):
    """1 where the teacher's class is among the student's k largest logits, else 0.

    Args:
        teacher_logits: `[B, K]`.
        student_logits: `[B, K]`; of equal logits the first ones count as the larger.
        k: int in [1, K]; 1 asks for the same answer.

    Returns:
        float32 `[B]`.
    """
    teacher_logits, student_logits = (
        two_classes(ops.convert_to_tensor(logits)) for logits in (teacher_logits, student_logits)
    )
    classes = ops.argmax(teacher_logits, axis=-1)
    if k == 1:
        return ops.cast(classes == ops.argmax(student_logits, axis=-1), "float32")
    # Not `in_top_k`, to which all of many equal logits are among the k largest.
    _, largest = ops.top_k(student_logits, k)
    return ops.cast(ops.any(largest == ops.expand_dims(classes, -1), axis=-1), "float32")
