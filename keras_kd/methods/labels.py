"""Labels: what a learner takes from the data itself, beside or without a teacher."""

import keras

from keras_kd.data.labels import CLASSES, KNOWN_CLASSES, MULTI_HOT
from keras_kd.methods.arguments import class_list
from keras_kd.methods.base import Method
from keras_kd.models.some_classes import only


@keras.saving.register_keras_serializable(package="keras_kd")
class Labels(Method):
    """Cross-entropy of the labels, for any learner.

    `KDModel(label_weight=w)` is short for `Labels(weight=w)` of the student, or for `BinaryLabels`
    beside methods that take each class for itself.

    Knowledge: response. Needs: labels; no teacher (a given one is not looked at).
    Paper: the hard part of the loss of Hinton, Vinyals, Dean 2015, arXiv 1503.02531.

    Args:
        classes: indices of the classes between which the labels decide, where there are images of
            these alone: the logits of the others are neither looked at nor moved. None: all.
        **kwargs: as for `Method`. With `student_taps` these are read as logits in place of the
            learner's own, such as DeiT's `logits_class`; several are summed. Labels may be int
            `[B]` or class probabilities `[B, K]`.

    Raises:
        ValueError: batches without labels, or classes that there are not.
    """

    needs_teacher = False
    needs_labels = True
    label_kind = CLASSES

    def __init__(self, classes=None, **kwargs):
        super().__init__(**kwargs)
        self.classes = class_list(classes=classes)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for tap in self.student_taps:
            if tuple(student_shape[tap])[1:] != tuple(student_shape["logits"])[1:]:
                raise ValueError(
                    f"{type(self).__name__} reads its taps as logits, of as many classes as the "
                    f"network's own {tuple(student_shape['logits'])}. Received: student tap "
                    f"{tap!r} {tuple(student_shape[tap])}. Tap logits, such as 'logits_class'."
                )
        class_list(student_shape["logits"][-1], classes=self.classes)
        self.built = True

    def call(self, batch, student, teacher):
        if "labels" not in batch:
            raise ValueError(
                f"'{self.name}', a loss on the labels, needs labels in the batch. "
                f"Received: weight={self.weight}, batch with {sorted(batch)}. Give labels, or "
                "leave this loss out (label_weight=0)."
            )
        return sum(
            self.label_kind.loss(batch["labels"], only(self.classes, student[tap]))
            for tap in self.student_taps or ("logits",)
        )

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(package="keras_kd")
class BinaryLabels(Labels):
    """Sigmoid cross-entropy of labels of which several may hold at once, summed over the classes.

    The sum is that of `BinarySoftTargets`, so that weights mean the same beside one another; the
    authors' code sums over the batch, too. Keras's `binary_crossentropy` is 1 / K of this.

    Knowledge: response. Needs: labels; no teacher (a given one is not looked at).
    Paper: the supervised part of Yang et al. 2023 (L2D), arXiv 2308.06453.

    Args:
        classes: as for `Labels`.
        **kwargs: as for `Method`. Labels are rows `[B, K]` of 0 and 1, or of probabilities; int
            `[B]` stands for rows with a single 1. Of a learner with one logit they are `[B]`: 1
            where the class is there, else 0.

    Raises:
        ValueError: batches without labels.
    """

    label_kind = MULTI_HOT


def label_loss(methods, weight, classes=None):
    """The loss on the labels that goes with some methods, as a list of one or none.

    Args:
        methods: a `Method`, a list of them, or None.
        weight: its weight, under the name `labels`; 0 for none.
        classes: as for `Labels`.
    """
    methods = [methods] if isinstance(methods, Method) else methods or ()
    kinds = {getattr(method, "label_kind", None) for method in methods}
    loss = (BinaryLabels if MULTI_HOT in kinds else Labels)(classes, weight=weight, name="labels")
    if any(getattr(method, "uses_unlabelled", False) for method in methods):
        loss.label_kind = KNOWN_CLASSES
    return [loss] if weight else []
