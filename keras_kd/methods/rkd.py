"""Relational knowledge: distances and angles between the examples of a batch."""

import keras
from keras import ops

from keras_kd.methods.arguments import number
from keras_kd.methods.base import Method

EPSILON = 1e-12  # under square roots, as in the public implementations


def pairwise_distances(x):
    """Euclidean distances between all rows, divided by the mean over the distinct pairs.

    Args:
        x: float32 `[B, D]`.

    Returns:
        float32 `[B, B]` with zeros on the diagonal; all zeros for a single example.
    """
    square = ops.sum(ops.square(x[:, None] - x[None]), axis=-1)
    # The gradient of a square root has no limit at 0: rows that coincide stay clear of it.
    apart = square > EPSILON
    distance = ops.where(apart, ops.sqrt(ops.where(apart, square, 1.0)), 0.0)
    pairs = ops.sum(ops.cast(apart, "float32"))
    mean = ops.sum(distance) / ops.maximum(pairs, 1.0)
    return distance / ops.maximum(mean, EPSILON)


def angles(x):
    """Cosines of the angles at example i between the directions to examples j and k.

    Args:
        x: float32 `[B, D]`.

    Returns:
        float32 `[B, B, B]`, indexed `[i, j, k]`; 0 where j or k coincides with i.
    """
    direction = x[None] - x[:, None]
    square = ops.sum(ops.square(direction), axis=-1, keepdims=True)
    apart = square > EPSILON
    length = ops.sqrt(ops.where(apart, square, 1.0))
    unit = ops.where(apart, direction / length, 0.0)
    return ops.matmul(unit, ops.transpose(unit, (0, 2, 1)))


def huber(difference):
    """Smooth L1 with its bend at 1, elementwise."""
    size = ops.abs(difference)
    return ops.where(size < 1.0, 0.5 * ops.square(difference), size - 0.5)


@keras.saving.register_keras_serializable(package="keras_kd")
class RelationalKD(Method):
    """Matches the distances and angles between examples instead of the examples themselves.

    The loss of example i is the mean Huber distance of row i of the distance matrix (each matrix
    divided by its own mean) and of the cosines of all angles at i; the mean over examples is the
    mean over all pairs and all triplets of the public implementations.

    Relations exist only within a batch: under several replicas this is the *replica's own* part
    of the global batch, so two replicas see fewer relations than one and do not equal it.
    Memory grows with B^2 * D and B^3.

    Knowledge: relation. Needs: logits, or taps of any shapes (flattened); no labels.
    Paper: Park, Kim, Lu, Cho 2019, arXiv 1904.05068.

    Args:
        distance: factor of the distance loss, at least 0. The paper's classification value is 25.
        angle: factor of the angle loss, at least 0. The paper's classification value is 50.
        **kwargs: as for `Method`.

    Raises:
        ValueError: a negative factor, or both 0.
    """

    def __init__(self, distance=25.0, angle=50.0, **kwargs):
        super().__init__(**kwargs)
        factors = number(distance), number(angle)
        if not (all(0 <= factor < float("inf") for factor in factors) and any(factors)):
            raise ValueError(
                "distance and angle must be finite, at least 0 and not both 0. "
                f"Received: distance={distance!r}, angle={angle!r}."
            )
        self.distance, self.angle = factors

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            s, t = ops.reshape(s, (ops.shape(s)[0], -1)), ops.reshape(t, (ops.shape(t)[0], -1))
            if self.distance:
                gap = pairwise_distances(s) - pairwise_distances(t)
                loss += self.distance * ops.mean(huber(gap), axis=1)
            if self.angle:
                loss += self.angle * ops.mean(huber(angles(s) - angles(t)), axis=(1, 2))
        return loss

    def get_config(self):
        return {**super().get_config(), "distance": self.distance, "angle": self.angle}
