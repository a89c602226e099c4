"""What the methods share that match feature maps: sizes, lengths, and the check of their taps."""

import numpy as np
from keras import layers, ops

from keras_kd.methods.base import Method

FLOAT = "float32"  # sub-layers would take the global policy, which may be a half one


def flat(x):
    """`[B, ...]` as `[B, D]`."""
    known = None not in x.shape[1:]
    return ops.reshape(x, (ops.shape(x)[0], int(np.prod(x.shape[1:])) if known else -1))


def unit(x, axis=-1, epsilon=1e-12):
    """Scales to Euclidean length 1 along an axis; shorter than epsilon stays near 0.

    The gradient is finite everywhere, at 0 as well.
    """
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, epsilon**2))


def _windows(size, target):
    """The adaptive average pooling of PyTorch as a matrix `[target, size]`, float32."""
    matrix = np.zeros((target, size), "float32")
    for i in range(target):
        start, stop = i * size // target, -(-(i + 1) * size // target)
        matrix[i, start:stop] = 1.0 / (stop - start)
    return matrix


def average_pool(x, height, width):
    """Adaptive average pooling, window by window as in PyTorch, to any smaller size.

    Args:
        x: float32 `[B, H, W, C]`, H and W known.
        height: at most H.
        width: at most W.

    Returns:
        float32 `[B, height, width, C]`.
    """
    if x.shape[1] != height:
        x = ops.einsum("hH,bHwc->bhwc", _windows(x.shape[1], height), x)
    if x.shape[2] != width:
        x = ops.einsum("wW,bhWc->bhwc", _windows(x.shape[2], width), x)
    return x


def nearest_resize(x, height, width):
    """Nearest-neighbour resizing as in PyTorch: output i shows input floor(i * in / out).

    Args:
        x: float32 `[B, H, W, C]`, H and W known.
        height: new height.
        width: new width.

    Returns:
        float32 `[B, height, width, C]`.
    """
    for axis, size in ((1, height), (2, width)):
        if x.shape[axis] != size:
            x = ops.take(x, np.arange(size) * x.shape[axis] // size, axis=axis)
    return x


def smaller_size(a, b):
    """The (height, width) that both of two map shapes `[B, H, W, C]` can be pooled to."""
    return min(a[1], b[1]), min(a[2], b[2])


def same_size(a, b):
    """Two maps, the larger side of each axis pooled to the smaller, as the public codes do."""
    size = smaller_size(a.shape, b.shape)
    return average_pool(a, *size), average_pool(b, *size)


class Chain(layers.Layer):
    """Layers one after another in float32, always in training mode: adapters live in training only.

    Unlike in a `keras.Sequential`, no caller has to pass `training=True`. Batch norm in it sees
    each replica's own share of the batch.

    Args:
        steps: list of float32 layers.
    """

    def __init__(self, steps):
        super().__init__(dtype=FLOAT)
        self.steps = steps

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        self.built = True

    def call(self, inputs):
        for step in self.steps:
            normalizes = isinstance(step, layers.BatchNormalization)
            inputs = step(inputs, training=True) if normalizes else step(inputs)
        return inputs


class FeatureMethod(Method):
    """Base of the methods that match feature maps `[B, H, W, C]`.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        **kwargs: as for `Method`.

    Raises:
        ValueError: no taps, or taps that are no maps of known size.
    """

    least_taps = 1

    def __init__(self, student_taps=(), teacher_taps=(), **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        if len(self.student_taps) < self.least_taps:
            raise ValueError(
                f"{type(self).__name__} matches features, so it needs taps, at least "
                f"{self.least_taps}. Received: student_taps={list(self.student_taps)}. Name "
                "layers, for example student_taps=['stage2', 'stage3'], "
                "teacher_taps=['stage2', 'stage3']."
            )

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.shape_pairs(student_shape, teacher_shape)
        self.built = True

    def shape_pairs(self, student_shape, teacher_shape):
        """The taps' shapes in pairs, checked to be maps of known size."""
        pairs = self.pairs(student_shape, teacher_shape)
        for names, shapes in zip(zip(self.student_taps, self.teacher_taps), pairs):
            self.check_shapes(names, *map(tuple, shapes))
        return [(tuple(s), tuple(t)) for s, t in pairs]

    def check_shapes(self, names, student, teacher):
        if len(student) == len(teacher) == 4 and None not in student[1:] + teacher[1:]:
            return
        raise ValueError(
            f"{type(self).__name__} needs maps [B, H, W, C] of known size on both sides. "
            f"Received: student tap {names[0]!r} {student}, teacher tap {names[1]!r} {teacher}. "
            "Choose layers before the global pooling, of a transformer a block's map such as "
            "'block3_map', and give the models fixed input sizes."
        )
