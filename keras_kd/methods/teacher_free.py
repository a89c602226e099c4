"""Teacher-free distillation: a virtual teacher, always right and softened, regularises."""

import keras
from keras import ops

from keras_kd.methods.arguments import number, positive
from keras_kd.methods.logits import LogitMethod, class_indices


def virtual_teacher(labels, num_classes, confidence, temperature):
    """The virtual teacher's softened log-probabilities.

    Args:
        labels: int `[B]`.
        num_classes: K, at least 2.
        confidence: probability of the right class before softening, in (1 / K, 1).
        temperature: T > 0; the probabilities, not their logarithms, are divided by it and put
            through a softmax, as in the public implementation.

    Returns:
        float32 `[B, K]`.
    """
    right = ops.one_hot(labels, num_classes, dtype="float32")
    probability = right * confidence + (1.0 - right) * (1.0 - confidence) / (num_classes - 1)
    return ops.log_softmax(probability / temperature, axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class TeacherFreeKD(LogitMethod):
    """Pulls the student to a hand-made teacher that gives the label's class the most (Tf-KD_reg).

    KL(virtual teacher || student), the student's logits not softened, as in the public
    implementation. At a high temperature this is
    close to label smoothing.

    Knowledge: response. Needs: labels; no teacher (a given one is not looked at).
    Paper: Yuan et al. 2020, arXiv 1909.11723.

    Args:
        confidence: probability of the right class, in (1 / K, 1); 0.99 in the public
            implementation.
        temperature: T > 0; 20 in the public implementation.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`. The public implementation
            weighs this with 0.1 beside a label loss of weight 0.9, most often: its factor of
            100 undoes the mean over the 100 classes of CIFAR-100.

    Raises:
        ValueError: an impossible confidence or temperature, or missing labels.
    """

    needs_teacher = False
    needs_labels = True

    def __init__(self, confidence=0.99, temperature=20.0, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 < number(confidence) < 1.0:
            raise ValueError(
                f"confidence must lie between 0 and 1. Received: confidence={confidence!r}."
            )
        self.confidence = float(confidence)
        self.temperature = positive(temperature=temperature)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        super().build(batch_shape, student_shape, student_shape)
        classes = student_shape["logits"][-1]
        if self.confidence * classes <= 1.0:
            raise ValueError(
                "confidence must exceed 1 / K, or the virtual teacher prefers a wrong class. "
                f"Received: confidence={self.confidence}, K={classes}."
            )

    def pairs(self, student, teacher):
        return [(student[tap], student[tap]) for tap in self.student_taps or ("logits",)]

    def call(self, batch, student, teacher):
        labels = class_indices(self, batch)
        loss = 0.0
        for s, _ in self.logit_pairs(student, student):
            log_p = virtual_teacher(labels, s.shape[-1], self.confidence, self.temperature)
            log_q = ops.log_softmax(s, axis=-1)
            loss += ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)
        return loss

    def get_config(self):
        own = {"confidence": self.confidence, "temperature": self.temperature}
        return {**super().get_config(), **own}
