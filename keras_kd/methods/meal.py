"""MEAL: features that look alike, and that a critic takes for the teacher's."""

import math

import keras
from keras import ops

from keras_kd.methods.arguments import integer, not_negative
from keras_kd.methods.base import Method
from keras_kd.methods.critics import CRITIC, critic
from keras_kd.methods.features import FeatureMethod, average_pool, flat
from keras_kd.methods.phases import MAIN, Phase
from keras_kd.models.taps import with_taps


def shortened(x, size):
    """A feature as a vector of a given length, by adaptive average pooling of all its numbers.

    Args:
        x: float32 `[B, ...]`.
        size: numbers; a shorter feature stays as it is.

    Returns:
        float32 `[B, at most size]`.
    """
    x = flat(x)
    return average_pool(x[:, None, :, None], 1, min(size, x.shape[1]))[:, 0, :, 0]


def lengths(model, taps):
    """How many numbers each tapped feature of a model has, a list."""
    outputs = with_taps(model, taps).output
    return [math.prod(outputs[tap].shape[1:]) for tap in taps]


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


class _OfMEAL(Method):
    """A loss that looks at the vectors of a `MEAL`."""

    def __init__(self, meal, **kwargs):
        super().__init__(**kwargs)
        self._meal = lambda: meal  # a closure: it is not a part of this one
        if self.learner == meal.learner:
            self.student_taps = meal.student_taps

    def taps_of_source(self, name):
        taps = {"student": self._meal().student_taps, "teacher": self._meal().teacher_taps}
        return taps.get(name, ())


class _Fool(_OfMEAL):
    """The student climbs what its critic descends."""

    def call(self, batch, student, teacher):
        return -told_apart(teacher(self._meal().vectors(student, "student")), False)


class _Judge(_OfMEAL):
    """A critic tells the teacher's features from the student's, tap by tap."""

    phase = CRITIC
    several_sources = True

    def call(self, batch, student, teacher):
        real, fake = (
            student(self._meal().vectors(teacher[name], name)) for name in ("teacher", "student")
        )
        return told_apart(real, True) + told_apart(fake, False)


@keras.saving.register_keras_serializable(package="keras_kd")
class MEAL(FeatureMethod):
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
        size: length of the vectors; in the public code 10,000 for the first tap to 10 for the last.
        alike: factor of the features' cross-entropy; 0.001 to 1 there, from the first tap to the
            last.
        adversarial: factor of the critic's; 1 there.
        **kwargs: as for `Method`.
    """

    scheme = "adversarial"

    def __init__(
        self, student_taps=(), teacher_taps=(), size=500, alike=1.0, adversarial=1.0, **kwargs
    ):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.size = integer(size=size)
        self.alike, self.adversarial = not_negative(alike=alike, adversarial=adversarial)

    def networks(self, given):
        if "teacher" not in given:
            raise ValueError(
                f"{self.name} taps the teacher's layers, so it needs the teacher itself. Received: "
                f"teacher=None, teacher_taps={list(self.teacher_taps)}."
            )
        sides = [
            lengths(given[who], getattr(self, f"{who}_taps")) for who in ("student", "teacher")
        ]
        self._sizes = [min(self.size, *pair) for pair in zip(*sides)]
        return {CRITIC: critic(self._sizes)}

    def phases(self):
        return [Phase(MAIN, inside=(CRITIC,)), Phase(CRITIC)]

    def companions(self):
        fool = _Fool(
            self, source=CRITIC, weight=self.weight * self.adversarial, name="critic_fooled"
        )
        judge = _Judge(self, learner=CRITIC, source=("student", "teacher"), name="critic_judges")
        return [fool, judge]

    def vectors(self, outputs, who):
        """The tapped features of an outputs dict as vectors, a list; `who`: student or teacher."""
        taps = getattr(self, f"{who}_taps")
        return [shortened(outputs[tap], size) for tap, size in zip(taps, self._sizes)]

    def call(self, batch, student, teacher):
        own, theirs = self.vectors(student, "student"), self.vectors(teacher, "teacher")
        return self.alike * sum(similarity(t, s) for s, t in zip(own, theirs))

    def get_config(self):
        own = {"size": self.size, "alike": self.alike, "adversarial": self.adversarial}
        return {**super().get_config(), **own}
