"""How a teacher's logits are stored: whole, in float16 or float32, or only the largest k classes.

A student may use any temperature. Bytes an image and epoch, for K classes:

    float32  4 K        the teacher's logits to the bit
    float16  2 K + 4    off by at most 2^-11 of the distance to the row's largest (2^-25 near it)
    top k    4 k + 2    (float16, K up to 65,536) the mass of the other classes is spread evenly;
                        read back are log-probabilities, the logits but for a constant a row
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

DTYPES = ("float16", "float32")
SCALARS = ("largest", "log_rest")  # arrays of one number an image


@dataclass(frozen=True)
class Codec:
    """One way to store logits.

    Args:
        num_classes: K.
        dtype: `float16` or `float32`, of the stored numbers.
        top_k: how many of the largest classes to keep, in [1, K); 0 keeps all.

    Raises:
        ValueError: a dtype or top_k that cannot be.
    """

    num_classes: int
    dtype: str = "float16"
    top_k: int = 0

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(
                f"dtype must be one of {', '.join(DTYPES)}. Received: dtype={self.dtype!r}."
            )
        if not 0 <= self.top_k < self.num_classes:
            raise ValueError(
                f"top_k must be at least 0 and below the number of classes, {self.num_classes}. "
                f"Received: top_k={self.top_k}. 0 keeps every class."
            )

    @property
    def bytes_per_image(self):
        """Bytes of one image in one epoch."""
        return sum(np.dtype(kind).itemsize * size for kind, size in self._layout().values())

    def shapes(self, *leading):
        """Name -> (NumPy dtype, shape) of the arrays of `leading` images."""
        return {
            name: (np.dtype(kind), leading if name in SCALARS else (*leading, size))
            for name, (kind, size) in self._layout().items()
        }

    def encode(self, logits):
        """Float32 logits `[..., K]` to the arrays to store, by name."""
        logits = np.asarray(logits, np.float32)
        if self.top_k:
            return self._encode_top(logits)
        if self.dtype == "float32":
            return {"logits": logits}
        # Relative to the largest, logits of any size fit, and the likely classes are the exact
        # ones. Beyond -65504, float16's end, a probability is 0 at any temperature in use.
        largest = logits.max(axis=-1)
        shifted = np.maximum(logits - largest[..., np.newaxis], np.finfo(np.float16).min)
        return {"logits": shifted.astype(np.float16), "largest": largest}

    def decode(self, arrays):
        """Tensors as from `encode` to float32 logits of the same leading shape, in a graph."""
        if not self.top_k:
            logits = tf.cast(arrays["logits"], tf.float32)
            return logits + arrays["largest"][..., tf.newaxis] if "largest" in arrays else logits
        indices = tf.cast(arrays["indices"], tf.int32)  # [B, k]
        rest = tf.cast(arrays["log_rest"], tf.float32) - np.log(self.num_classes - self.top_k)
        rows = tf.broadcast_to(tf.range(tf.shape(indices)[0])[:, tf.newaxis], tf.shape(indices))
        return tf.tensor_scatter_nd_update(
            tf.repeat(rest[:, tf.newaxis], self.num_classes, axis=1),
            tf.stack([rows, indices], axis=-1),
            tf.cast(arrays["log_probs"], tf.float32),
        )

    def _layout(self):
        """Name -> (dtype, numbers an image)."""
        if not self.top_k:
            logits = {"logits": (self.dtype, self.num_classes)}
            return logits if self.dtype == "float32" else {**logits, "largest": ("float32", 1)}
        indices = "uint16" if self.num_classes <= 2**16 else "uint32"
        return {
            "indices": (indices, self.top_k),
            "log_probs": (self.dtype, self.top_k),
            "log_rest": (self.dtype, 1),
        }

    def _encode_top(self, logits):
        log_probs = logits - _logsumexp(logits)[..., np.newaxis]
        # The k largest in front, in order; a full sort of many classes would cost far more.
        order = np.argpartition(-log_probs, self.top_k - 1, axis=-1)
        log_probs = np.take_along_axis(log_probs, order, axis=-1)
        kept = log_probs[..., : self.top_k]
        ranks = np.argsort(-kept, axis=-1, kind="stable")
        arrays = {
            "indices": np.take_along_axis(order[..., : self.top_k], ranks, axis=-1),
            "log_probs": np.take_along_axis(kept, ranks, axis=-1),
            "log_rest": _logsumexp(log_probs[..., self.top_k :]),
        }
        lowest = np.finfo(self.dtype).min
        return {
            name: (value if name == "indices" else np.maximum(value, lowest)).astype(kind)
            for (name, value), (kind, _) in zip(arrays.items(), self._layout().values())
        }


def _logsumexp(values):
    top = values.max(axis=-1, keepdims=True)
    return np.log(np.exp(values - top).sum(axis=-1)) + top[..., 0]
