"""Overhaul of feature distillation: what matters before the ReLU, and only where it matters."""

import keras
from keras import layers, ops

from keras_kd.distribution import replicas
from keras_kd.methods.features import FLOAT, Chain, FeatureMethod, average_pool, smaller_size


def partial_l2(student, teacher, margin):
    """Squared distance to max(teacher, margin), none where both are inactive.

    Args:
        student: float32 `[B, H, W, C]`, before the activation.
        teacher: float32 `[B, H, W, C]`, before the activation.
        margin: float32 `[C]`, at most 0.

    Returns:
        float32 `[B]`, the sum over positions and channels of the elements where the teacher is
        positive or the student exceeds its target.
    """
    target = ops.maximum(teacher, margin)
    counts = ops.logical_or(student > target, teacher > 0)
    return ops.sum(ops.where(counts, ops.square(student - target), 0.0), axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="keras_kd")
class OFD(FeatureMethod):
    """Matches maps before their ReLU through a margin and a partial distance.

    `partial_l2` of each pair after a connector (1x1 convolution and batch norm) on the student's
    map, the sum over all elements as in the public implementations, times 2^-(n - i - 1) for pair
    i of n. The larger map of a pair is pooled, a student's before its connector (mdistiller brings
    the teacher's to the student's size).

    The margin of a channel is the mean of the teacher's negative values. The public
    implementations compute it from the batch norm before the tap, taking its output for normal;
    here it is measured over all examples seen, so that any layer can be tapped. Under several
    replicas the connector's batch norm, and what the current batch adds to the margin, are those
    of the *replica's own* part of the batch, so two replicas do not equal one.

    Knowledge: feature. Needs: taps on both sides that are maps before a ReLU; no labels.
    Paper: Heo et al. 2019, arXiv 1904.01866.

    Args:
        student_taps: names of the student's layers from early to late, at least one.
        teacher_taps: names of the teacher's layers, as many.
        **kwargs: as for `Method`. The weight is 1e-3 in the public implementations on CIFAR-100,
            1e-4 on ImageNet.

    Raises:
        ValueError: no taps, or taps that are no maps of known size.
    """

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.connectors, self.negatives = [], []
        for index, (s, t) in enumerate(self.shape_pairs(student_shape, teacher_shape)):
            # As the authors: variance 2 / outputs.
            normal = keras.initializers.RandomNormal(0.0, (2.0 / t[-1]) ** 0.5)
            connector = Chain(
                [
                    layers.Conv2D(t[-1], 1, use_bias=False, kernel_initializer=normal, dtype=FLOAT),
                    layers.BatchNormalization(epsilon=1e-5, dtype=FLOAT),
                ]
            )
            connector.build(s)
            self.connectors.append(connector)
            self.negatives.append(
                self.add_weight(
                    shape=(2, t[-1]),  # sum and count of the negative values of each channel
                    initializer="zeros",
                    trainable=False,
                    aggregation="only_first_replica",  # all replicas add the same
                    name=f"negatives_{index}",
                )
            )
        self.built = True

    def call(self, batch, student, teacher):
        loss, count = 0.0, len(self.connectors)
        parts = zip(self.connectors, self.negatives, self.pairs(student, teacher))
        for index, (connector, negatives, (s, t)) in enumerate(parts):
            size = smaller_size(s.shape, t.shape)
            # Pooled first, so that the batch norm sees the size that is compared.
            s, pooled = connector(average_pool(s, *size)), average_pool(t, *size)
            total, seen = ops.unstack(negatives + _negatives(t), 2)
            margin = total / ops.maximum(seen, 1.0)
            loss += partial_l2(s, pooled, margin) / 2 ** (count - index - 1)
        return loss

    def after_step(self, batch, student, teacher):
        for negatives, tap in zip(self.negatives, self.teacher_taps):
            negatives.assign_add(replicas.sum_over_replicas(_negatives(teacher[tap])))


def _negatives(x):
    """Sum and count of each channel's negative values: `[B, H, W, C]` -> `[2, C]`."""
    x = ops.cast(x, "float32")
    total = ops.sum(ops.minimum(x, 0.0), axis=(0, 1, 2))
    return ops.stack([total, ops.sum(ops.cast(x < 0, "float32"), axis=(0, 1, 2))])
