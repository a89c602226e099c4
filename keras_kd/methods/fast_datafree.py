"""Fast data-free distillation: a few steps of one generator a round, on three losses."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative
from keras_kd.methods.deep_inversion import DeepInversion
from keras_kd.methods.response import softened_kl


def agreed_kl(teacher_logits, student_logits):
    """KL(teacher || student) of the examples on whose class both agree, 0 of the others.

    Args:
        teacher_logits: float32 `[B, K]`.
        student_logits: float32 `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    agree = ops.argmax(teacher_logits, axis=-1) == ops.argmax(student_logits, axis=-1)
    return softened_kl(teacher_logits, student_logits, 1.0) * ops.cast(agree, "float32")


@keras.saving.register_keras_serializable(package="keras_kd")
class FastDatafree(DeepInversion):
    """A generator that all rounds share takes a few steps a round: sure, true to statistics, hard.

    One-hotness, plus the gap of the batch norms' statistics, less KL(teacher || student) where both
    agree. The images of each round go into a memory, from which the student learns. All rounds
    sharing one generator is the paper's Reptile with a meta step of 1; its copy a round and the
    search of the noise are left out.

    Knowledge: feature. Needs: as `DeepInversion`.
    Paper: Fang et al. 2022, arXiv 2112.15278.

    Args:
        one_hot: as for `DeepInversion`; 0.4 in the public code.
        statistics: as for `DeepInversion`; 10 there.
        adversarial: factor of the divergence; 1.1 there, after 20 of 220 epochs.
        steps: how often the generator learns in a training step; 2, 5 or 10 in the paper.
        memory: as for `GeneratorMethod`; all images ever made in the public code.
        **kwargs: as for `DeepInversion`.
    """

    several_sources = True

    def __init__(
        self,
        one_hot=0.4,
        statistics=10.0,
        variation=0.0,
        size=0.0,
        adversarial=1.1,
        steps=5,
        memory=8192,
        **kwargs,
    ):
        super().__init__(
            one_hot=one_hot,
            statistics=statistics,
            variation=variation,
            size=size,
            steps=steps,
            memory=memory,
            source=("student", "teacher"),
            **kwargs,
        )
        self.adversarial = not_negative(adversarial=adversarial)

    def taps_of_source(self, name):
        return self.teacher_taps if name == "teacher" else ()

    def call(self, batch, student, teacher):
        gap = agreed_kl(teacher["teacher"]["logits"], teacher["student"]["logits"])
        return super().call(batch, student, teacher["teacher"]) - self.adversarial * gap

    def get_config(self):
        return {**super().get_config(), "adversarial": self.adversarial}
