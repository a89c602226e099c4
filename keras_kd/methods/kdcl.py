"""KDCL: peers learn together from one target that all of their answers make."""

import keras
import numpy as np
from keras import ops

from keras_kd.data.labels import CLASSES
from keras_kd.distribution.replicas import sum_over_replicas
from keras_kd.methods.arguments import positive
from keras_kd.methods.logits import class_indices
from keras_kd.methods.peers import PeerMethod
from keras_kd.methods.response import softened_kl
from keras_kd.models.output import two_classes
from keras_kd.utils.names import nearest

KEPT = 0.99  # of the errors' products a step
RIDGE = 0.05  # of their mean size, added to those of each network by itself
ROUNDS = 20  # of exponentiated gradient: its weights then are within about 1 % of the best


def naive(answers, labels, errors=None):
    """The logits of the network whose mean cross-entropy is least on this batch.

    Args:
        answers: float32 `[M, B, K]`, the logits of all networks.
        labels: int32 `[B]`.
        errors: for `general` alone, float32 `[M, M]`: means of the products of two networks'
            errors.

    Returns:
        float32 `[B, K]`, as of the functions below.
    """
    return ops.take(answers, ops.argmin(_cross_entropies(answers, labels)), axis=0)


def linear(answers, labels, errors=None):
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


def min_logit(answers, labels, errors=None):
    """Of each class the least lead over the label's class: min_i z_i[k] - z_i[label]."""
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    own = ops.sum(answers * right, axis=-1, keepdims=True)
    return ops.min(answers - own, axis=0)


def general(answers, labels, errors):
    """The mixture whose error is least if errors go together as they did: w = C^-1 1 / 1' C^-1 1.

    Shares sum to 1 and may be negative. The diagonal is raised by `RIDGE` of its mean: networks
    that err alike would have shares without bound.
    """
    count = answers.shape[0]
    size = ops.trace(errors) / count
    ridge = (RIDGE * size + 1e-6) * ops.eye(count)
    shares = ops.solve(errors + ridge, ops.ones((count, 1)))[:, 0]
    return ops.einsum("m,mbk->bk", shares / ops.sum(shares), answers)


def products(answers, labels):
    """Sum over examples of the products of two networks' errors in probability, `[M, M]`."""
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    gap = ops.softmax(answers, axis=-1) - right
    return ops.einsum("mbk,nbk->mn", gap, gap)


TARGETS = {"naive": naive, "linear": linear, "min_logit": min_logit, "general": general}
MEASURED = ("general",)  # those that errors of earlier steps are kept for


def _cross_entropies(answers, labels):
    right = ops.one_hot(labels, answers.shape[-1], dtype="float32")
    each = -ops.sum(ops.log_softmax(answers, axis=-1) * right, axis=-1)
    return ops.mean(each, axis=-1)


@keras.saving.register_keras_serializable(package="keras_kd")
class KDCL(PeerMethod):
    """Networks that learn together from one target, which the answers of all of them make.

    Each follows by T^2 KL(target || network), the target taken as constant, beside its labels:
    `naive`, the logits of the network with the least loss on the batch; `linear`, their mixture
    with the least loss on the batch; `min_logit`, of each class the least lead over the label's;
    `general`, the mixture with the least error, by how the networks' errors went together.
    The batch of the first two is a replica's own share, so two replicas do not equal one there.
    Each network sees the images in draws of its own where a stage of a config makes them, as the
    paper wants it; without, little is gained. Written from the abstract and accounts of others. For
    `general` the paper measures errors on held-out training images once an epoch; here they are a
    running mean over the training batches, each before its step.

    Knowledge: response. Needs: labels; peers, networks of as many classes that learn beside the
    student. Paper: Guo et al. 2020, CVPR (no arXiv version).

    Args:
        source: names of the peers, one at least: further learners of the model.
        target: naive, linear, min_logit or general.
        temperature: T > 0.
        **kwargs: as for `PeerMethod` (`label_weight`, `mutual`) and `Method`.

    Raises:
        ValueError: no peer, peers with other classes, or an unknown target.
    """

    needs_labels = True
    label_kind = CLASSES

    def __init__(self, source=("peer",), target="min_logit", temperature=2.0, **kwargs):
        super().__init__(source=source, **kwargs)
        if target not in TARGETS:
            raise ValueError(
                f"target must be one of {', '.join(TARGETS)}. Received: target={target!r}."
                f"{nearest(target, TARGETS)}"
            )
        if self.standardize:
            raise ValueError(
                "KDCL makes its target of the networks' logits as they are. Received: "
                "standardize=True. Leave it out."
            )
        self.target = target
        self.temperature = positive(temperature=temperature)

    def own_views(self):
        return self.source if self.mutual else ()

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        super().build(batch_shape, student_shape, teacher_shape)
        count = 1 + len(self.source)
        self.errors = None
        if self.target in MEASURED:
            self.errors = self.add_weight(
                shape=(count, count), initializer="identity", trainable=False,
                aggregation="only_first_replica", name="errors",
            )  # fmt: skip

    def call(self, batch, student, teacher):
        answers = self._answers(student, teacher)
        labels = class_indices(self, batch)
        target = TARGETS[self.target](ops.stop_gradient(answers), labels, self.errors)
        return softened_kl(ops.stop_gradient(target), answers[0], self.temperature)

    def after_step(self, batch, student, teacher):
        if self.errors is None:
            return
        labels = class_indices(self, batch)
        found = products(self._answers(student, teacher), labels)
        count = ops.cast(ops.shape(labels)[0], "float32")
        found, count = sum_over_replicas([found, count])
        self.errors.assign(KEPT * self.errors + (1.0 - KEPT) * found / count)

    def _answers(self, student, teacher):
        """float32 `[M, B, K]`, the learner's logits first."""
        given = (student, *(teacher[name] for name in self.source))
        return ops.stack([ops.cast(two_classes(one["logits"]), "float32") for one in given])

    def get_config(self):
        own = {"target": self.target, "temperature": self.temperature}
        return {**super().get_config(), **own}
