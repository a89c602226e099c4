"""Hard pseudo-labels: the student learns the class that the teacher decides for."""

import keras
from keras import ops

from keras_kd.methods.logits import LogitMethod


@keras.saving.register_keras_serializable(package="keras_kd")
class HardLabels(LogitMethod):
    """Cross-entropy of the student with the teacher's most probable class as the label.

    Knowledge: response. Needs: nothing but logits of as many classes; no labels.
    Paper: Touvron et al. 2021 (DeiT, hard-label distillation), arXiv 2012.12877.

    Args:
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`.

    Raises:
        ValueError: class counts that differ.
    """

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.logit_pairs(student, teacher):
            label = ops.argmax(t, axis=-1)
            loss += ops.sparse_categorical_crossentropy(label, s, from_logits=True)
        return loss
