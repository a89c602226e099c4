"""Labels: what a learner takes from the data itself, beside or without a teacher."""

import keras

from keras_kd.data.batch import cross_entropy
from keras_kd.methods.base import Method


@keras.saving.register_keras_serializable(package="keras_kd")
class Labels(Method):
    """Cross-entropy of the labels, for any learner.

    `KDModel(label_weight=w)` is short for `Labels(weight=w)` of the student.

    Knowledge: response. Needs: labels; no teacher (a given one is not looked at).
    Paper: the hard part of the loss of Hinton, Vinyals, Dean 2015, arXiv 1503.02531.

    Args:
        **kwargs: as for `Method`. Labels may be int `[B]` or class probabilities `[B, K]`.

    Raises:
        ValueError: batches without labels.
    """

    needs_teacher = False
    needs_labels = True

    def call(self, batch, student, teacher):
        if "labels" not in batch:
            raise ValueError(
                f"'{self.name}', a loss on the labels, needs labels in the batch. "
                f"Received: weight={self.weight}, batch with {sorted(batch)}. Give labels, or "
                "label_weight=0."
            )
        return cross_entropy(batch["labels"], student["logits"])
