"""What the methods share that compare logits class by class."""

from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import boolean
from keras_kd.methods.base import Method
from keras_kd.models.output import two_classes

# Under the square root, the 1e-7 that the public implementation adds to the deviation.
_SMALLEST_VARIANCE = 1e-14


def standardized(logits):
    """Logits with mean 0 and standard deviation 1 over the classes of each example.

    Args:
        logits: float32 `[B, K]`.

    Returns:
        float32 `[B, K]`; zeros, with no gradient, where all logits of an example are equal.

    Reference: Sun et al. 2024, arXiv 2403.01427. The deviation divides by K as in the paper;
    the public implementation divides by K - 1.
    """
    centred = logits - ops.mean(logits, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.maximum(variance, _SMALLEST_VARIANCE))


def class_indices(method, batch):
    """The label of each example as int32 `[B]`; of mixed labels `[B, K]` the heaviest.

    Raises:
        ValueError: a batch without labels; names the method.
    """
    if "labels" not in batch:
        raise ValueError(
            f"{type(method).__name__} needs labels in the batch. "
            f"Received: batch with {sorted(batch)}. Give data of (images, labels), or use a method "
            "that needs none, such as SoftTargets."
        )
    labels = batch["labels"]
    if len(labels.shape) == 2 and labels.shape[1] != 1:
        return ops.cast(ops.argmax(labels, axis=-1), "int32")
    return ops.cast(ops.reshape(labels, (-1,)), "int32")


def _classes(shape):
    """A shape of logits, one being two classes."""
    return (*shape[:-1], 2) if shape[-1] == 1 else tuple(shape)


class LogitMethod(Method):
    """Base of the methods that match logits of the same classes.

    Args:
        standardize: whether the logits of each example, of teacher and student, are first brought
            to mean 0 and deviation 1 (Sun et al. 2024, arXiv 2403.01427), so that the student
            matches their order and ratios and is free in their size. The paper then uses a
            temperature of 2 and a weight of 9.
        **kwargs: as for `Method`. With taps, these are read as logits of auxiliary heads.

    Raises:
        ValueError: class counts that differ.
    """

    needs_raw_logits = False  # they go through a softmax
    label_kind = CLASSES  # and so one class shuts out the others

    def __init__(self, standardize=False, **kwargs):
        super().__init__(**kwargs)
        self.standardize = boolean(standardize=standardize)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for student, teacher in self.pairs(student_shape, teacher_shape):
            student, teacher = _classes(student), _classes(teacher)
            if len(student) != 2 or tuple(student[1:]) != tuple(teacher[1:]):
                raise ValueError(
                    f"{type(self).__name__} compares class by class: teacher and student must give "
                    f"logits [B, K] of the same K classes. Received: student={tuple(student)}, "
                    f"teacher={tuple(teacher)}. Fine-tune the teacher on the student's classes, "
                    "or match features instead (Hint, RelationalKD)."
                )
            if self.standardize and student[-1] == 2:
                raise ValueError(
                    "Standardised logits of two classes are always 1 and -1, so that nothing is "
                    "learned from them. Received: standardize=True, K=2. Leave it out."
                )
        self.built = True

    def logit_pairs(self, student, teacher):
        """The matched (student, teacher) logits, float32 `[B, K]`, standardised where asked.

        One logit z of an auxiliary head is two classes, [0, z], as a model's own is.
        """
        pairs = [(two_classes(s), two_classes(t)) for s, t in self.pairs(student, teacher)]
        if self.standardize:
            return [(standardized(s), standardized(t)) for s, t in pairs]
        return pairs

    def get_config(self):
        return {**super().get_config(), "standardize": self.standardize}
