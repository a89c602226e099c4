"""ReviewKD: early stages of the teacher are taught through late stages of the student."""

import keras
from keras import layers, ops

from keras_kd.methods.arguments import integer
from keras_kd.methods.features import FLOAT, Chain, FeatureMethod, average_pool, nearest_resize


def hierarchical_distance(student, teacher):
    """The hierarchical context loss: mean squared differences at several scales.

    Args:
        student: float32 `[B, H, W, C]`.
        teacher: float32 `[B, H, W, C]`.

    Returns:
        float32 `[B]`, the weighted mean of the full size (weight 1) and of 4x4, 2x2 and 1x1
        averages, those smaller than H (weights halving).
    """

    def distance(a, b):
        return ops.mean(ops.square(a - b), axis=(1, 2, 3))

    height, width = student.shape[1:3]
    loss, factor, total = distance(student, teacher), 1.0, 1.0
    for level in (4, 2, 1):
        if level < height:
            size = level, min(level, width)
            factor /= 2.0
            total += factor
            loss += factor * distance(average_pool(student, *size), average_pool(teacher, *size))
    return loss / total


class Fusion(layers.Layer):
    """Attention-based fusion of a student's map with what later stages made (the paper's ABF).

    Args:
        middle: channels of the running map.
        shape: shape `[B, H, W, C]` of the teacher's map that the result is compared with.
        fuse: whether there is a later stage.
    """

    def __init__(self, middle, shape, fuse):
        super().__init__(dtype=FLOAT)
        self.size = shape[1:3]
        self.inner = _conv_norm(middle, 1)
        self.outer = _conv_norm(shape[-1], 3)
        self.attention = layers.Conv2D(2, 1, activation="sigmoid", dtype=FLOAT) if fuse else None
        self.middle = middle

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.outer.build((None, *self.size, self.middle))
        if self.attention is not None:
            self.attention.build((*input_shape[:3], 2 * self.middle))
        self.built = True

    def call(self, x, later=None):
        """(map to compare, map to hand on) of a student's map and the later stage's map."""
        x = self.inner(x)
        if later is not None:
            later = nearest_resize(later, *x.shape[1:3])
            share = self.attention(ops.concatenate([x, later], axis=-1))
            x = x * share[..., :1] + later * share[..., 1:]
        x = nearest_resize(x, *self.size)
        return self.outer(x), x


def _conv_norm(channels, kernel):
    conv = layers.Conv2D(
        channels,
        kernel,
        padding="same",
        use_bias=False,
        kernel_initializer="lecun_uniform",  # PyTorch's kaiming_uniform with a = 1
        dtype=FLOAT,
    )
    return Chain([conv, layers.BatchNormalization(epsilon=1e-5, dtype=FLOAT)])


@keras.saving.register_keras_serializable(package="keras_kd")
class ReviewKD(FeatureMethod):
    """Walks the student's taps from late to early, fuses each with the later ones, and compares.

    The hierarchical context loss of each fused map and the teacher's map, summed. Maps are
    brought to the teacher's sizes by nearest neighbours and to its channels by a 3x3 convolution.
    Under several replicas the fusions' batch norm is that of the *replica's own* part of the batch,
    so two replicas do not equal one.

    Knowledge: feature. Needs: taps on both sides from early to late, maps or a vector; no labels.
    Paper: Chen et al. 2021, arXiv 2104.09044.

    Args:
        student_taps: names of the student's layers from early to late, at least one. A vector
            `[B, C]`, such as the pooled features, counts as a map of one position; the paper
            puts it last.
        teacher_taps: names of the teacher's layers, as many; maps before the ReLU in the paper.
        max_channels: most channels of the running map; 512 in the public implementation, which
            takes the last student tap's where these are fewer.
        **kwargs: as for `Method`. The weight is 0.6 to 8 in the authors' code, by the pair,
            warmed up over the first 20 of 240 epochs (`warmup_steps`).

    Raises:
        ValueError: no taps, taps of unknown size, or an impossible number of channels.
    """

    def __init__(self, student_taps=(), teacher_taps=(), max_channels=512, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.max_channels = integer(max_channels=max_channels)

    def check_shapes(self, names, student, teacher):
        super().check_shapes(names, *(_as_map_shape(shape) for shape in (student, teacher)))

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        shapes = self.shape_pairs(student_shape, teacher_shape)
        shapes = [tuple(map(_as_map_shape, pair)) for pair in shapes]
        middle = min(self.max_channels, shapes[-1][0][-1])
        self.fusions = []
        for index, (s, t) in enumerate(shapes):
            fusion = Fusion(middle, t, fuse=index < len(shapes) - 1)
            fusion.build(s)
            self.fusions.append(fusion)
        self.built = True

    def call(self, batch, student, teacher):
        loss, later = 0.0, None
        pairs = self.pairs(student, teacher)
        for fusion, (s, t) in zip(self.fusions[::-1], pairs[::-1]):
            result, later = fusion(_as_map(s), later)
            loss += hierarchical_distance(result, _as_map(t))
        return loss

    def get_config(self):
        return {**super().get_config(), "max_channels": self.max_channels}


def _as_map_shape(shape):
    return (shape[0], 1, 1, shape[1]) if len(shape) == 2 else shape


def _as_map(x):
    return x[:, None, None] if len(x.shape) == 2 else x
