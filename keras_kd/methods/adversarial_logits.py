"""Logits that a critic takes for the teacher's: a loss that is learned."""

import keras
from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import integer, not_negative
from keras_kd.methods.base import Method
from keras_kd.methods.critics import CRITIC, critic
from keras_kd.methods.logits import class_indices
from keras_kd.methods.phases import MAIN, Phase


def _class_loss(labels, logits):
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


class _Judge(Method):
    """The critic tells its first source's logits from its second's, and the class by either."""

    phase = CRITIC
    several_sources = True
    needs_labels = True
    needs_raw_logits = True

    def call(self, batch, student, teacher):
        labels, loss = class_indices(self, batch), 0.0
        for name, sign in zip(self.sources, (1.0, -1.0)):
            answer = student([teacher[name]["logits"]])[:, 0]
            loss += ops.softplus(sign * answer[:, 0]) + _class_loss(labels, answer[:, 1:])
        return loss


class _Distance(Method):
    """Mean absolute distance of the logits."""

    needs_raw_logits = True

    def call(self, batch, student, teacher):
        return ops.mean(ops.abs(student["logits"] - teacher["logits"]), axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class AdversarialLogits(Method):
    """The student's logits pass for the teacher's before a critic, and for those of their class.

    A critic of two hidden layers learns beside the student: whose logits these are, and of which
    class. The student's loss is what the critic makes of its logits, softplus(-D) and the
    cross-entropy of the critic's classes, plus the mean absolute distance to the teacher's logits.

    The paper's text was not at hand beyond its abstract: weights of 1 and the critic's size are
    ours.

    Knowledge: response. Needs: logits of as many classes, and labels.
    Paper: Xu et al. 2018, arXiv 1709.00513.

    Args:
        distance: factor of the absolute distance, a loss of its own.
        width: units of the critic's first hidden layer.
        **kwargs: as for `Method`, but for `source`. The paper adds the labels' cross-entropy.
    """

    scheme = "adversarial"
    needs_labels = True
    label_kind = CLASSES

    def __init__(self, distance=1.0, width=64, **kwargs):
        super().__init__(**{**kwargs, "source": CRITIC})
        self.distance = not_negative(distance=distance)
        self.width = integer(width=width)

    def networks(self, given):
        classes = max(2, given["student"].output_shape[-1])  # one logit is two classes
        return {CRITIC: critic([classes], outputs=1 + classes, width=self.width)}

    def phases(self):
        return [Phase(MAIN, inside=(CRITIC,)), Phase(CRITIC)]

    def companions(self):
        judge = _Judge(learner=CRITIC, source=(self.learner, "teacher"), name="critic_judges")
        weight = {"weight": self.weight * self.distance, "warmup_steps": self.warmup_steps or 0}
        distance = _Distance(learner=self.learner, **weight, name="distance")
        return [distance, judge] if self.distance else [judge]

    def call(self, batch, student, teacher):
        answer = teacher([student["logits"]])[:, 0]
        return ops.softplus(-answer[:, 0]) + _class_loss(class_indices(self, batch), answer[:, 1:])

    def get_config(self):
        return {**super().get_config(), "distance": self.distance, "width": self.width}
