"""Blocks of a weight, and inverse roots of matrices against their powers and limits."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.optimizers.blocks import Blocks, inverse_root


@pytest.mark.parametrize("root", ["eigh", "newton"])
@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_inverse_root_undoes_a_power(root, order):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(3, 12, 12))
    base = base @ base.transpose(0, 2, 1) + 5.0 * np.eye(12)
    power = np.linalg.matrix_power(base, order)
    result = inverse_root(tf.constant(power), order, 1e-14, root)
    np.testing.assert_allclose(result @ base, np.broadcast_to(np.eye(12), base.shape), atol=1e-4)


@pytest.mark.parametrize("root", ["eigh", "newton"])
def test_inverse_root_of_singular_matrices_is_finite(root):
    matrices = np.zeros((3, 5, 5), "float32")
    matrices[1, 0, 0] = 1e-20
    matrices[2] = 1e20
    result = inverse_root(tf.constant(matrices), 4, 1e-6, root)
    assert result.dtype == "float32" and np.isfinite(result).all()
    # A matrix of ones has the eigenvalue n along (1, ..., 1) alone.
    expected = (5e20 * (1 + 1e-6)) ** -0.25
    np.testing.assert_allclose(result[2] @ np.ones((5, 1)), np.full((5, 1), expected), rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "matrix", "block", "count"),
    [
        ((300, 100), (300, 100), (100, 100), 3),
        ((3, 3, 64, 128), (576, 128), (116, 128), 5),
        ((3, 3, 256, 1), (9, 256), (9, 128), 2),
        ((1, 1, 130, 7), (130, 7), (65, 7), 2),
        ((2, 1), (2, 1), (2, 1), 1),
    ],
)
def test_blocks(shape, matrix, block, count):
    blocks = Blocks(shape, 128)
    assert (blocks.rows, blocks.columns) == matrix
    assert (blocks.height, blocks.width) == block and blocks.count == count
    x = np.random.default_rng(0).normal(size=shape)
    split = blocks.split(tf.constant(x)).numpy()
    assert split.shape == (count, *block)
    np.testing.assert_array_equal(blocks.join(tf.constant(split)), x)
    height, width = min(block[0], matrix[0]), min(block[1], matrix[1])
    np.testing.assert_array_equal(split[0, :height, :width], x.reshape(matrix)[:height, :width])
