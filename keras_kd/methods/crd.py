"""Contrastive distillation: to find an example's teacher features among thousands of others'."""

import keras
import numpy as np
from keras import layers, ops

from keras_kd.methods.arguments import integer, number, positive
from keras_kd.methods.by_example import ExampleMethod, last_of_each, over_replicas, write
from keras_kd.methods.features import FLOAT, flat, unit

EPSILON = 1e-7  # as in the public implementations


def normalizer(num_examples, dimensions, temperature):
    """The constant Z that turns scores into probabilities of noise-contrastive estimation.

    The public implementations measure it on their first batch, where the bank still holds its
    random start; this is the expectation of that measurement. So it depends on no batch, and is
    the same on every replica and after every restart.

    Args:
        num_examples: rows N of the bank.
        dimensions: length D of an embedding.
        temperature: T > 0.

    Returns:
        float, N * E[exp(bank row . unit vector / T)] for rows uniform in the cube of half width
        sqrt(3 / D).
    """
    v = np.random.default_rng(0).normal(size=(4096, dimensions))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    x = np.maximum(np.abs(v), 1e-9) * np.sqrt(3.0 / dimensions) / temperature
    with np.errstate(over="ignore"):
        return float(num_examples * np.mean(np.prod(np.sinh(x) / x, axis=1)))


def contrast(scores, positives, negatives, temperature, z):
    """The loss of telling the one positive from the negatives (the paper's equation 18).

    Args:
        scores: float32 `[B, N]`, inner products of each anchor with all rows of a bank.
        positives: int `[B]`, the row that belongs to each anchor.
        negatives: int `[B, M]`, rows drawn as noise, each taken to be as likely as 1 / N (as in
            the public implementations, which never draw the positive either).
        temperature: T > 0.
        z: the normalising constant.

    Returns:
        float32 `[B]`. -log h(positive) - sum of log(1 - h(negative)), where h = P / (P + M / N)
        and P = exp(score / T) / Z.
    """
    noise = negatives.shape[1] / scores.shape[1]
    log_p = scores / temperature - np.log(z)
    positive = ops.take_along_axis(log_p, positives[:, None], axis=1)[:, 0]
    negative = ops.take_along_axis(log_p, negatives, axis=1)
    # In log space, since P / (P + c) = sigmoid(log P - log c).
    shift = np.log(noise + EPSILON)
    log_one_minus = np.log(noise) - shift - ops.softplus(negative - shift)
    return ops.softplus(shift - positive) - ops.sum(log_one_minus, axis=1)


@keras.saving.register_keras_serializable(package="keras_kd")
class CRD(ExampleMethod):
    """Pulls an example's student and teacher embeddings together, and away from other examples'.

    Both features are embedded linearly in D dimensions at length 1. Each side is contrasted with a
    bank that holds the other side's embedding of every example of the data: the row of the
    example itself against rows drawn at random (from all other examples with replacement; the
    public implementations leave out those of the same class, which takes labels). After each step
    the rows of its examples move to momentum * old + (1 - momentum) * new, at length 1. Unlike the
    public implementations, which write inside the loss, the embeddings written are those of the
    updated embedding layers.

    The banks are weights that no gradient moves: saved, restored, left behind at export. Under
    several replicas each draws its own negatives, and all write all rows, so that the banks stay
    equal.

    Knowledge: relation. Needs: `id` in the batch and the number of examples; no labels.
    Paper: Tian, Krishnan, Isola 2020, arXiv 1910.10699.

    Args:
        num_examples: N, the examples of the data.
        first_id: the smallest `id`, at least 0; every one lies in [first_id, first_id + N). Sources
            of `keras_kd.data` number their splits in alphabetical order, one after the other.
        negatives: negatives of each example; the paper's value is 16384.
        dimensions: D; the paper's value is 128.
        momentum: share of the old row that stays, in [0, 1); the paper's value is 0.5.
        temperature: T > 0; the paper's value is 0.07.
        **kwargs: as for `Method`. The paper taps the vector before the logits; its weight is 0.8.

    Raises:
        ValueError: an unknown number of examples, an impossible argument, or batches without `id`.
    """

    def __init__(
        self,
        num_examples=None,
        first_id=0,
        negatives=16384,
        dimensions=128,
        momentum=0.5,
        temperature=0.07,
        **kwargs,
    ):
        super().__init__(num_examples=num_examples, first_id=first_id, **kwargs)
        if not 0.0 <= number(momentum) < 1.0:
            raise ValueError(f"momentum must lie in [0, 1). Received: momentum={momentum!r}.")
        self.negatives, self.dimensions = integer(negatives=negatives, dimensions=dimensions)
        self.momentum = float(momentum)
        self.temperature = positive(temperature=temperature)
        self.z = normalizer(num_examples, self.dimensions, self.temperature)
        if not np.isfinite(self.z):
            raise ValueError(
                "temperature is too low for scores to be finite. "
                f"Received: temperature={temperature}. The paper's value is 0.07."
            )

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        if len(self.student_taps) > 1:
            raise ValueError(
                "CRD contrasts one pair of features. "
                f"Received: student_taps={list(self.student_taps)}. Name one tap on each side, or "
                "use several CRD methods (in a config 'crd' and 'crd:2')."
            )
        pair = self.pairs(student_shape, teacher_shape)[0]
        if any(None in shape[1:] for shape in pair):
            raise ValueError(
                "CRD needs features of known shape. Received: student "
                f"{tuple(pair[0])}, teacher {tuple(pair[1])}. Give the models fixed input sizes."
            )
        self.embeddings = [layers.Dense(self.dimensions, dtype=FLOAT) for _ in pair]
        for embedding, shape in zip(self.embeddings, pair):
            embedding.build((None, int(np.prod(shape[1:]))))
        width = (3.0 / self.dimensions) ** 0.5
        self.student_bank, self.teacher_bank = (
            self.add_bank(self.dimensions, name, keras.initializers.RandomUniform(-width, width))
            for name in ("student_bank", "teacher_bank")
        )
        # The model sets its state from (seed, step) where it has a seed.
        self.random = keras.random.SeedGenerator()
        self.built = True

    def call(self, batch, student, teacher):
        rows = self.rows(batch)
        s, t = self._embed(student, teacher)
        shape = (ops.shape(rows)[0], self.negatives)
        further = 1 + keras.random.randint(shape, 0, self.num_examples - 1, seed=self.random)
        others = (rows[:, None] + further) % self.num_examples  # never the example itself
        losses = [
            contrast(
                ops.matmul(anchor, ops.transpose(bank)), rows, others, self.temperature, self.z
            )
            for anchor, bank in ((s, self.teacher_bank), (t, self.student_bank))
        ]
        return losses[0] + losses[1]

    def after_step(self, batch, student, teacher):
        mine = [self.rows(batch), *self._embed(student, teacher)]
        rows, s, t = map(over_replicas, mine)
        last = last_of_each(rows)  # all rows of an example carry the last one's value
        for bank, new in ((self.student_bank, s), (self.teacher_bank, t)):
            old = ops.take(bank, rows, axis=0)
            moved = unit(self.momentum * old + (1.0 - self.momentum) * ops.take(new, last, axis=0))
            write(bank, rows, moved)

    def _embed(self, student, teacher):
        pair = self.pairs(student, teacher)[0]
        pair = [ops.cast(x, "float32") for x in pair]
        return [unit(embed(flat(x))) for embed, x in zip(self.embeddings, pair)]

    def get_config(self):
        names = ("negatives", "dimensions", "momentum", "temperature")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
