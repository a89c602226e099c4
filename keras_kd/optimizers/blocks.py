"""Blocks of a weight and roots of many small matrices at once, for `Shampoo`."""

import math

import tensorflow as tf


class Blocks:
    """How a weight of two dimensions or more is seen as a grid of equal matrices.

    Its axes are parted in two groups where this gives the squarest matrix `[rows, columns]`: a
    convolution's `[h, w, in, out]` usually becomes `[h * w * in, out]`, a depthwise one's
    `[h, w, channels, 1]` becomes `[h * w, channels]`. The matrix is cut into as few blocks of
    at most `size` a side as will do, as even as they come, and padded with zeros to whole blocks.

    Args:
        shape: the weight's shape.
        size: largest side of a block.
    """

    def __init__(self, shape, size):
        self.shape = tuple(shape)
        parted = [(math.prod(shape[:i]), math.prod(shape[i:])) for i in range(1, len(shape))]
        self.rows, self.columns = min(parted, key=sum)
        self._down, self.height = _cut(self.rows, size)
        self._across, self.width = _cut(self.columns, size)
        self.count = self._down * self._across

    def split(self, tensor):
        """The blocks `[count, height, width]` of a tensor of the weight's shape."""
        bottom = self._down * self.height - self.rows
        right = self._across * self.width - self.columns
        matrix = tf.reshape(tensor, (self.rows, self.columns))
        grid = tf.pad(matrix, ((0, bottom), (0, right)))
        grid = tf.reshape(grid, (self._down, self.height, self._across, self.width))
        return tf.reshape(tf.transpose(grid, (0, 2, 1, 3)), (-1, self.height, self.width))

    def join(self, blocks):
        """The tensor of the weight's shape that `split` gives these blocks of."""
        grid = tf.reshape(blocks, (self._down, self._across, self.height, self.width))
        matrix = tf.transpose(grid, (0, 2, 1, 3))
        matrix = tf.reshape(matrix, (self._down * self.height, self._across * self.width))
        return tf.reshape(matrix[: self.rows, : self.columns], self.shape)


def _cut(length, size):
    """(number of parts, length of a part) of at most `size` each."""
    parts = math.ceil(length / size)
    return parts, math.ceil(length / parts)


def inverse_root(matrices, order, epsilon, method="eigh"):
    """The inverse roots `(A + epsilon * |A| * I) ** (-1 / order)`, |A| being Frobenius' norm.

    In float64 whatever comes in: with a relative `epsilon` of 1e-6 float32 has one digit left.

    Args:
        matrices: float `[N, n, n]`, symmetric, no eigenvalue below 0 but by rounding.
        order: int of at least 1.
        epsilon: relative ridge, above 0.
        method: "eigh", by eigenvalues; or "newton", the coupled iteration of Higham 2008,
            equation 7.18, products of matrices alone, for accelerators that are slow at "eigh".

    Returns:
        float `[N, n, n]`, of the type that came in. A matrix of zeros gives a large multiple of
        the identity, which turns a gradient of zero into zero.
    """
    a = tf.cast(matrices, "float64")
    norm = tf.norm(a, axis=(1, 2), keepdims=True)
    ridge = epsilon * tf.maximum(norm, 1e-30)
    return tf.cast(ROOTS[method](a, ridge, order), matrices.dtype)


def _eigh(a, ridge, order):
    """`(a + ridge) ** (-1 / order)` by eigenvalues."""
    values, vectors = tf.linalg.eigh(a)
    scale = (tf.maximum(values, 0.0) + ridge[:, :, 0]) ** (-1.0 / order)
    return tf.matmul(vectors * scale[:, None, :], vectors, transpose_b=True)


def _newton(a, ridge, order):
    """The same by the coupled Newton iteration."""
    a = a + ridge * tf.eye(a.shape[-1], dtype=a.dtype)
    identity = tf.eye(a.shape[-1], batch_shape=tf.shape(a)[:1], dtype=a.dtype)
    # Eigenvalues of z * a lie in (0, (1 + order) / 2], from where the iteration converges.
    z = (1.0 + order) / (2.0 * tf.norm(a, axis=(1, 2), keepdims=True))

    def error(m):
        return tf.reduce_max(tf.abs(m - identity))

    def improve(m, root):
        t = ((order + 1.0) * identity - m) / order
        power = t
        for _ in range(order - 1):
            power = power @ t
        return power @ m, root @ t

    _, root = tf.while_loop(
        lambda m, _: error(m) > 1e-10,
        improve,
        (z * a, z ** (1.0 / order) * identity),
        maximum_iterations=100,
    )
    return root


ROOTS = {"eigh": _eigh, "newton": _newton}
