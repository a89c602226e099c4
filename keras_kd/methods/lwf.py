"""Learning without forgetting: on images of new classes the old network's answers hold the old."""

import keras
from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import class_list, positive
from keras_kd.methods.base import Method
from keras_kd.models.some_classes import known_classes


def remembering(old_logits, new_logits, temperature):
    """Cross-entropy of two softened softmaxes.

    Args:
        old_logits: float32 `[B, M]`, what was recorded.
        new_logits: float32 `[B, M]`.
        temperature: T > 0. softmax(z / T) is softmax(z)^(1/T), renormalised.

    Returns:
        float32 `[B]`, without a factor T^2; at the least the entropy of the first.
    """
    recorded = ops.softmax(old_logits / temperature, axis=-1)
    return -ops.sum(recorded * ops.log_softmax(new_logits / temperature, axis=-1), axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class LearningWithoutForgetting(Method):
    """Holds what a network said of its old classes while it learns new ones, without old images.

    The teacher is the network as it was, which knows the old classes; the student has outputs for
    these and for new ones (`keras_kd.models.extend`). The loss is the cross-entropy of their
    softened answers among the old classes, on images of the new; it moves no other logit. Beside it
    stands the labels' cross-entropy among the new classes: `label_weight=1`, with
    `label_classes=` of `KDModel`, or in a run with `classes` of the stage. The paper's warm-up, new
    rows alone while the rest is frozen, is a stage before it (`extend` with `head_alone`). Batch
    norms of the student go on moving, with the new images.

    Knowledge: response. Needs: a teacher of some of the student's classes; no labels.
    Paper: Li, Hoiem 2016, arXiv 1606.09282.

    Args:
        temperature: T > 0, without a factor T^2; 2 in the paper.
        old_classes: indices of the classes that the teacher knows; None: those that its graph
            shows, or else as many as it has logits, from the student's first on.
        **kwargs: as for `Method`; `weight` is 1 in the paper. With taps, these are read as logits
            of auxiliary heads.

    Raises:
        ValueError: a temperature that is not positive, a student of fewer classes than the teacher,
            or classes that there are not.
    """

    scheme = "lifelong"
    some_classes = True
    needs_raw_logits = False  # they go through a softmax
    label_kind = CLASSES  # and so one class shuts out the others

    def __init__(self, temperature=2.0, old_classes=None, **kwargs):
        super().__init__(**kwargs)
        self.temperature = positive(temperature=temperature)
        self.old_classes = class_list(old_classes=old_classes)
        self._known = self.old_classes

    def networks(self, given):
        """None; but the teacher's graph shows which classes are the old ones."""
        teacher = given.get(self.source)
        if self.old_classes is None and not self.teacher_taps:
            self._known = known_classes(getattr(teacher, "original", teacher))
        return {}

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for student, teacher in self.pairs(student_shape, teacher_shape):
            given, taken = teacher[-1], student[-1]
            known = self._known or list(range(given))
            if given > taken or len(known) > given:
                raise ValueError(
                    f"{type(self).__name__} holds the teacher's classes in a student that has "
                    f"them all, and new ones. Received: a teacher of {given} logits and "
                    f"{len(known)} old classes, and a student of {taken}. Give the student that "
                    "keras_kd.models.extend makes of the teacher."
                )
            class_list(taken, old_classes=known)
            self._known = known
        self.built = True

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            s = ops.take(s, self._known, axis=-1)
            t = t if t.shape[-1] == len(self._known) else ops.take(t, self._known, axis=-1)
            loss += remembering(t, s, self.temperature)
        return loss

    def get_config(self):
        own = {"temperature": self.temperature, "old_classes": self.old_classes}
        return {**super().get_config(), **own}
