"""MEAL: features that look alike, and that a critic takes for the teacher's."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative
from keras_kd.methods.critics import CRITIC, CriticLoss, VectorMethod, critic
from keras_kd.methods.phases import MAIN, Phase


def similarity(teacher, student):
    """Cross-entropy of the softmaxes of two vectors, float32 `[B]`."""
    log_q = ops.log_softmax(student, axis=-1)
    return -ops.sum(ops.softmax(teacher, axis=-1) * log_q, axis=-1)


def told_apart(answers, real):
    """Binary cross-entropy of a critic's answers, summed over the taps.

    Args:
        answers: float32 `[B, taps, 1]`, logits of "the teacher's".
        real: whether they are the teacher's.

    Returns:
        float32 `[B]`.
    """
    return ops.sum(ops.softplus(-answers if real else answers), axis=(1, 2))


class _Fool(CriticLoss):
    """The student climbs what its critic descends."""

    def call(self, batch, student, teacher):
        return -told_apart(teacher(self.of().vectors(student, self.learner)), False)


class _Judge(CriticLoss):
    """A critic tells the teacher's features from the student's, tap by tap."""

    phase = CRITIC
    several_sources = True

    def call(self, batch, student, teacher):
        own, other = self.sources
        loss = told_apart(student(self.of().vectors(teacher[other], other)), True)
        return loss + told_apart(student(self.of().vectors(teacher[own], own)), False)


@keras.saving.register_keras_serializable(package="keras_kd")
class MEAL(VectorMethod):
    """Features like the teacher's, by their softmax, and such as a critic takes for the teacher's.

    Each tapped feature is pooled to a vector of a given length. The student's loss is the
    cross-entropy of the vectors' softmaxes, less that of the critic on the student's vectors: the
    gradient is really reversed, which the public command leaves out unless it is told.

    Knowledge: feature. Needs: taps on both sides that are maps; no labels.
    The paper's ensemble is several teachers of which one is drawn at every step.
    Paper: Shen et al. 2019, arXiv 1812.02425.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        alike: factor of the features' cross-entropy; 0.001 to 1 there, from the first tap to the
            last.
        adversarial: factor of the critic's; 1 there.
        **kwargs: as for `VectorMethod` (`size`; in the public code 10,000 for the first tap to 10
            for the last) and `Method`.
    """

    scheme = "adversarial"

    def __init__(self, alike=1.0, adversarial=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alike, self.adversarial = not_negative(alike=alike, adversarial=adversarial)

    def networks(self, given):
        return {CRITIC: critic(self.set_sizes(given))}

    def phases(self):
        return [Phase(MAIN, inside=(CRITIC,)), Phase(CRITIC)]

    def companions(self):
        weight, both = self.weight * self.adversarial, (self.learner, self.source)
        return [
            _Fool(
                self,
                learner=self.learner,
                source=CRITIC,
                weight=weight,
                warmup_steps=self.warmup_steps or 0,
                name="critic_fooled",
            ),
            _Judge(self, learner=CRITIC, source=both, name="critic_judges"),
        ]

    def call(self, batch, student, teacher):
        own, theirs = self.vectors(student, self.learner), self.vectors(teacher, self.source)
        return self.alike * sum(similarity(t, s) for s, t in zip(own, theirs))

    def get_config(self):
        return {**super().get_config(), "alike": self.alike, "adversarial": self.adversarial}
