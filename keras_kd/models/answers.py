"""What makes logits of other answers: layers that stand at the end of a network that teaches.

Each says by a mark what its logits are, which `keras_kd.models.ending.is_marked` reads off a model:

    normalized  log-probabilities: the logits but for a number that each example has of its own,
                which a softmax takes out again, and so do the methods that go through one
    binary      each class by itself, behind a sigmoid: several may hold at once
"""

import keras
import numpy as np
from keras import ops

from keras_kd.models.ending import is_marked

TINY = float(np.finfo("float32").tiny)  # 1.2e-38: whatever is less, 0 too, is taken for it


def is_normalized(model):
    """Whether a model gives log-probabilities for logits, as far as its graph shows."""
    return is_marked(model, "normalized")


def is_binary(model):
    """Whether a model speaks of each class by itself, as far as its graph shows."""
    return is_marked(model, "binary")


class _Answer(keras.layers.Layer):
    """Base of these layers: in float32, whatever the network computes in.

    Args:
        given: what comes in, a key of `makers`.
    """

    normalized = binary = False
    makers = {}

    def __init__(self, given, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.given = given

    def call(self, answer):
        return self.makers[self.given](ops.cast(answer, "float32"))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "given": self.given}


@keras.saving.register_keras_serializable(package="keras_kd")
class LogProbabilities(_Answer):
    """Log-probabilities `[B, K]` where the logits themselves are not to be had.

    They differ from the logits by one number an example, so that a softmax at any temperature is
    the one of the logits. A probability below 1.2e-38, 0 too, has the log of that, -87.3: finite,
    and at no temperature worth a gradient. From half precision comes what it can tell apart: 6e-8
    and nothing below.

    Args:
        given: "probabilities", or "log_probabilities".
    """

    normalized = True
    makers = {
        "probabilities": lambda p: ops.log(ops.maximum(p, TINY)),
        "log_probabilities": lambda x: x,
    }


@keras.saving.register_keras_serializable(package="keras_kd")
class BinaryLogits(_Answer):
    """Logits `[B, K]` of each class by itself.

    Of a probability p they are log p - log(1 - p), exact up to the rounding of p: float32 leaves
    no p between 1 - 6e-8 and 1, so that they end at 16.6 above and at -87.3 below.

    Args:
        given: "probabilities", "log_probabilities" or "logits".
    """

    binary = True
    makers = {
        "probabilities": lambda p: ops.log(ops.maximum(p, TINY)) - _log_of_rest(p),
        "log_probabilities": lambda x: x - _log_of_rest(ops.exp(x)),
        "logits": lambda x: x,
    }


def _log_of_rest(p):
    """log(1 - p), finite at p = 1."""
    return ops.log1p(-ops.minimum(p, 1 - 2.0**-24))


@keras.saving.register_keras_serializable(package="keras_kd")
class ClassOrder(keras.layers.Layer):
    """Logits `[B, N]` of a network's classes as those `[B, K]` of the data's.

    Classes that the data have not are left out: a softmax of the rest is the network's answer to
    "which of these".

    Args:
        indices: for each class of the data its place among the network's, K ints.
    """

    def __init__(self, indices, **kwargs):
        super().__init__(**kwargs)
        self.indices = [int(index) for index in indices]
        self.num_outputs = None  # N, once it is built

    def build(self, input_shape):
        self.num_outputs = input_shape[-1]
        self.built = True

    def call(self, logits):
        return ops.take(logits, self.indices, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], len(self.indices))

    def get_config(self):
        return {**super().get_config(), "indices": self.indices}
