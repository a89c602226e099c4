"""The base class of every combination: what the answers of several teachers become."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_kd.models.output import two_classes


class Combination(keras.layers.Layer):
    """Several teachers' logits, each `[B, K]`, to those of one teacher, in float32.

    A combination at rest is a layer of the ensemble's graph, and looks at the logits alone: so an
    ensemble is evaluated, exported and asked for targets that stay. Where it looks at more while a
    student learns, at labels or at a draw of the step, it writes `teach`, too, and says
    `in_batch = True`.

    Args:
        weights: one positive number per teacher, summing to 1.
    """

    in_batch = False  # True: in a training step it looks at more than the logits
    needs_labels = False  # True: among that are labels
    draws = False  # True: among that is the step's draw
    some_classes = False  # True: it takes teachers that know only some of the classes

    def __init__(self, weights, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.weights_of_teachers = [float(weight) for weight in weights]

    @classmethod
    def of(cls, count, known=None, num_classes=None, weights=None, **kwargs):
        """Makes a combination of so many teachers.

        Args:
            count: number of teachers.
            known: for each the classes that it knows, list of their indices, or None for all; None
                where all know all.
            num_classes: number of all classes; None while it is not known.
            weights: one positive number per teacher, scaled to sum to 1; None for equal ones.
            **kwargs: further arguments of the class.

        Raises:
            ValueError: weights of another number, or teachers of some classes only.
        """
        if any(classes is not None for classes in known or ()):
            raise ValueError(
                "each teacher must know all classes of the data, where their answers are taken "
                "class by class. Received: one that knows some only. Combine them by "
                "'unite_classes'."
            )
        return cls(shares(weights, count), **kwargs)

    def call(self, logits):
        """Combines at rest.

        Args:
            logits: list of `[B, K]`, what each teacher gave; `[B, 1]` is two classes.

        Returns:
            float32 `[B, K]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement call().")

    def teach(self, runs, seed, labels):
        """Combines in a training step.

        Args:
            runs: list of functions without arguments that give each teacher's logits `[B, K]`.
            seed: int64 `[2]`, the same on all replicas, another one at every step.
            labels: int `[B]`, float `[B, K]`, or None.

        Returns:
            float32 `[B, K]`.
        """
        return self([run() for run in runs])

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], max(2, input_shape[0][-1]))

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_of_teachers}


def shares(weights, count):
    """Weights of teachers, scaled to sum to 1; None for equal ones.

    Raises:
        ValueError: not one positive number for each.
    """
    values = np.full(count, 1.0) if weights is None else np.asarray(weights, dtype="float64")
    if values.shape != (count,) or not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(
            f"weights must hold one positive number per teacher, {count} in all. "
            f"Received: weights={weights!r}. Leave out a teacher that should not count."
        )
    return (values / values.sum()).tolist()


def unweighted(weights, count, name):
    """Equal shares, for a combination that weighs teachers by itself.

    Raises:
        ValueError: weights were given.
    """
    if weights is not None:
        raise ValueError(
            f"weights must be left out where {name!r} weighs the teachers itself, example by "
            f"example. Received: weights={weights!r}. Leave them out, or take 'mean_probabilities'."
        )
    return shares(None, count)


def stacked(logits):
    """Teachers' logits as one float32 tensor `[M, B, K]`; one logit becomes those of two classes"""
    return ops.stack([ops.cast(two_classes(one), "float32") for one in logits], axis=0)


def log_mean_probability(logits, log_weights, temperature=1.0):
    """Logits whose softmax at a temperature is the weighted mean of the teachers' softmaxes at it.

    Args:
        logits: float32 `[M, B, K]`.
        log_weights: `[M, B]` or `[M, 1]`, logarithms of weights that sum to 1 over the teachers.
        temperature: T, above 0.

    Returns:
        float32 `[B, K]`, T log sum_m w_m softmax(z_m / T).
    """
    terms = ops.log_softmax(logits / temperature, axis=-1) + ops.expand_dims(log_weights, -1)
    return temperature * ops.logsumexp(terms, axis=0)


def switched(index, runs):
    """The logits of the teacher of this index, who alone runs: float32 `[B, K]`.

    Args:
        index: int32 scalar tensor.
        runs: list of functions without arguments that give each teacher's logits.
    """
    return tf.switch_case(
        index, [lambda run=run: tf.cast(two_classes(run()), tf.float32) for run in runs]
    )


def check_temperature(temperature):
    """A temperature as a float; ValueError for what is none."""
    if not 0 < temperature < float("inf"):
        raise ValueError(
            f"temperature must be finite and above 0. Received: temperature={temperature!r}. Take "
            "the one of the student's soft_targets, or 1."
        )
    return float(temperature)
