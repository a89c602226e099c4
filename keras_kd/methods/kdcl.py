"""KDCL: peers learn together from one target that all of their answers make."""

import keras
import numpy as np
from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import boolean, not_negative, positive
from keras_kd.methods.logits import LogitMethod, class_indices
from keras_kd.methods.mutual import check_classes, label_losses, like, peers_of
from keras_kd.methods.response import softened_kl
from keras_kd.models.output import two_classes
from keras_kd.utils.names import nearest

ROUNDS = 20  # of exponentiated gradient: its weights then are within about 1 % of the best


def naive(answers, labels):
    """The logits of the network whose mean cross-entropy is least on this batch.

    Args:
        answers: float32 `[M, B, K]`, the logits of all networks.
        labels: int32 `[B]`.

    Returns:
        float32 `[B, K]`, as of the functions below.
    """
    return ops.take(answers, ops.argmin(_cross_entropies(answers, labels)), axis=0)


def linear(answers, labels):
    """The mixture sum a_i z_i, a >= 0, sum a = 1, whose mean cross-entropy on this batch is least.

    By exponentiated gradient from equal shares, which stays on the simplex by itself.
    """
    count = answers.shape[0]
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    log_share = ops.zeros((count,)) - np.log(count)
    # The slopes of the loss are differences of logits: their size is the step's measure.
    size = ops.max(ops.abs(answers - answers[:1])) + 1e-6
    for _ in range(ROUNDS):
        mixed = ops.einsum("m,mbk->bk", ops.exp(log_share), answers)
        gap = (ops.softmax(mixed, axis=-1) - right) / ops.cast(ops.shape(mixed)[0], "float32")
        slope = ops.einsum("mbk,bk->m", answers, gap)
        log_share = ops.log_softmax(log_share - 4.0 / size * slope)
    return ops.einsum("m,mbk->bk", ops.exp(log_share), answers)


def min_logit(answers, labels):
    """Of each class the least lead over the label's class: min_i z_i[k] - z_i[label]."""
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    own = ops.sum(answers * right, axis=-1, keepdims=True)
    return ops.min(answers - own, axis=0)


TARGETS = {"naive": naive, "linear": linear, "min_logit": min_logit}


def _cross_entropies(answers, labels):
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    each = -ops.sum(ops.log_softmax(answers, axis=-1) * right, axis=-1)
    return ops.mean(each, axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class KDCL(LogitMethod):
    """Networks that learn together from one target, which the answers of all of them make.

    Each follows by T^2 KL(target || network), the target taken as constant, beside its labels:
    `naive`, the logits of the network with the least loss on the batch; `linear`, their mixture
    with the least loss on the batch; `min_logit`, of each class the least lead over the label's.
    The batch of the first two is a replica's own share, so two replicas do not equal one there.
    Each network sees the images in draws of its own where a stage of a config makes them, as the
    paper wants it; without, little is gained. Written from the abstract and accounts of others; the
    paper's fourth target, weights from the covariance of errors on held-out images, is not here.

    Knowledge: response. Needs: labels; peers, networks of as many classes that learn beside the
    student. Paper: Guo et al. 2020, CVPR (no arXiv version).

    Args:
        source: names of the peers, one at least, as for `MutualLearning`.
        target: naive, linear or min_logit.
        temperature: T > 0.
        label_weight: factor of the labels' cross-entropy for each peer; the student's own is that
            of `KDModel` or of the stage.
        mutual: whether the peers learn, too; False where this is the loss of `learner` alone.
        **kwargs: as for `Method`.

    Raises:
        ValueError: no peer, peers with other classes, or an unknown target.
    """

    scheme = "online"
    several_sources = True
    needs_labels = True
    label_kind = CLASSES

    def __init__(
        self,
        source=("peer",),
        target="min_logit",
        temperature=2.0,
        label_weight=1.0,
        mutual=True,
        **kwargs,
    ):
        super().__init__(source=source, **kwargs)
        self.source = peers_of(self, source)
        if target not in TARGETS:
            raise ValueError(
                f"target must be one of {', '.join(TARGETS)}. Received: target={target!r}."
                f"{nearest(target, TARGETS)}"
            )
        self.target = target
        self.temperature = positive(temperature=temperature)
        self.label_weight = not_negative(label_weight=label_weight)
        self.mutual = boolean(mutual=mutual)
        if self.student_taps or self.standardize:
            raise ValueError(
                "KDCL makes its target of the networks' logits as they are. Received: student_taps="
                f"{list(self.student_taps)}, standardize={self.standardize}. Leave both out."
            )

    def own_views(self):
        return self.source if self.mutual else ()

    def companions(self):
        if not self.mutual:
            return []
        everyone, losses = (self.learner, *self.source), []
        for peer in self.source:
            others = tuple(name for name in everyone if name != peer)
            losses.append(like(self, learner=peer, source=others, mutual=False))
        return [*losses, *label_losses(self.source, self.label_weight)]

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        check_classes(self, student_shape, teacher_shape)
        self.built = True

    def call(self, batch, student, teacher):
        own = two_classes(student["logits"])
        others = [two_classes(teacher[name]["logits"]) for name in self.source]
        answers = ops.stack([ops.cast(z, "float32") for z in (own, *others)])
        target = TARGETS[self.target](ops.stop_gradient(answers), class_indices(self, batch))
        return softened_kl(ops.stop_gradient(target), own, self.temperature)

    def get_config(self):
        own = {"target": self.target, "temperature": self.temperature}
        own |= {"label_weight": self.label_weight, "mutual": self.mutual}
        return {**super().get_config(), **own}
