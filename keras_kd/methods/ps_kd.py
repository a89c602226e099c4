"""PS-KD: the network's own answers of the epoch before soften the labels."""

import keras
from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import integer, number
from keras_kd.methods.by_example import ExampleMethod, last_of_each, over_replicas, write
from keras_kd.models.output import two_classes


def softened_labels(labels, past, share):
    """(1 - share) of the label and `share` of what was answered before.

    Args:
        labels: int `[B]`, `[B, 1]` or float `[B, K]`.
        past: float32 `[B, K]`, earlier probabilities; a row of zeros where there are none.
        share: scalar in [0, 1].

    Returns:
        float32 `[B, K]`; the label alone where there was no answer before.
    """
    classes = past.shape[-1]
    if len(labels.shape) == 2 and labels.shape[1] == classes:
        right = ops.cast(labels, "float32")
    else:
        index = ops.cast(ops.reshape(labels, (-1,)), "int32")
        right = ops.one_hot(index, classes, dtype="float32")
    answered = ops.cast(ops.max(past, axis=-1, keepdims=True) > 0, "float32")
    share = share * answered
    return (1.0 - share) * right + share * past


@keras.saving.register_keras_serializable(package="keras_kd")
class PSKD(ExampleMethod):
    """Cross-entropy with labels that the network's own earlier answers soften, more and more.

    The target of an image is (1 - a) of its label and `a` of the probabilities that the student
    gave when it saw the image the last time, in training mode and in the view of then; the first
    time it is the label alone. The share `a` rises linearly from 0 to `alpha`, here step by step,
    in the public code epoch by epoch. This is the whole loss: it stands in the place of the labels'
    own (`label_weight=0`). The answers are a bank `[N, K]` that no gradient moves: saved, restored,
    equal on all replicas, left behind at export.

    Knowledge: response. Needs: labels; `id` in the batch and the number of examples; images that
    are not mixed; no teacher (a given one is not looked at).
    Paper: Kim et al. 2021, arXiv 2006.12000.

    Args:
        num_examples: as for CRD, N, the examples of the data.
        first_id: as for CRD, the smallest `id`.
        alpha: the last step's share of the earlier answers, in [0, 1]; 0.8 in the paper.
        total_steps: steps over which the share rises, at least 1; None: those of the stage, where
            methods are made from a config.
        **kwargs: as for `Method`.

    Raises:
        ValueError: an impossible share, an unknown number of examples, or batches without `id` or
            labels.
    """

    scheme = "self"
    needs_teacher = False
    needs_labels = True
    needs_step = True
    needs_whole_images = True
    label_kind = CLASSES

    def __init__(self, num_examples=None, first_id=0, alpha=0.8, total_steps=None, **kwargs):
        super().__init__(num_examples=num_examples, first_id=first_id, **kwargs)
        if not 0.0 <= number(alpha) <= 1.0:
            raise ValueError(f"alpha must lie in [0, 1]. Received: alpha={alpha!r}.")
        self.alpha = float(alpha)
        self.total_steps = None if total_steps is None else integer(total_steps=total_steps)

    def set_stage(self, total, batch_size, num_examples):
        super().set_stage(total, batch_size, num_examples)
        self.total_steps = self.total_steps or total

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.past = self.add_bank(max(2, student_shape["logits"][-1]), "past")
        self.built = True

    def share_at(self, step):
        """The share of the earlier answers at a step, an int or integer tensor, from 0."""
        if self.total_steps is None:
            raise ValueError(
                f"{self.name} must know its length, since the share of earlier answers rises to "
                "its end. Received: total_steps=None. Give total_steps, or call "
                "method.set_stage(total, batch_size, num_examples)."
            )
        done = (ops.cast(step, "float32") + 1.0) / self.total_steps
        return self.alpha * ops.minimum(done, 1.0)

    def call(self, batch, student, teacher):
        if "labels" not in batch:
            raise ValueError(
                f"PSKD softens labels, so it needs them in the batch. Received: batch with "
                f"{sorted(batch)}. Give data of (images, labels)."
            )
        past = ops.take(self.past, self.rows(batch), axis=0)
        target = softened_labels(batch["labels"], past, self.share_at(batch["step"]))
        log_q = ops.log_softmax(two_classes(student["logits"]), axis=-1)
        return -ops.sum(target * log_q, axis=-1)

    def after_step(self, batch, student, teacher):
        answers = ops.softmax(ops.cast(two_classes(student["logits"]), "float32"), axis=-1)
        rows, answers = map(over_replicas, (self.rows(batch), answers))
        write(self.past, rows, ops.take(answers, last_of_each(rows), axis=0))

    def get_config(self):
        own = {"alpha": self.alpha, "total_steps": self.total_steps}
        return {**super().get_config(), **own}
