import numpy as np
import pytest

from keras_kd.models.wrap.factors import between_relus, factors


def kernel_of(shape=(3, 3, 4, 6), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def product(depthwise, pointwise):
    """The kernel that the two make, entry by entry."""
    height, width, count, rank = depthwise.shape
    found = np.zeros((height, width, count, pointwise.shape[-1]))
    for channel in range(count):
        for term in range(rank):
            row = pointwise[0, 0, channel * rank + term]
            found[:, :, channel] += depthwise[:, :, channel, term, None] * row
    return found


@pytest.mark.parametrize(
    ("shape", "rank", "used"),
    [((3, 3, 4, 12), 9, 9), ((3, 3, 4, 6), 6, 6), ((3, 3, 4, 6), 9, 6), ((1, 3, 2, 5), 4, 3)],
)
def test_full_rank_is_exact(shape, rank, used):
    """No kernel of a channel has more products than pixels, or than outputs."""
    kernel = kernel_of(shape)
    depthwise, pointwise = factors(kernel, rank)
    assert depthwise.shape[-1] == used
    np.testing.assert_allclose(product(depthwise, pointwise), kernel, atol=1e-13)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_what_is_left_is_the_smaller_singular_values(rank):
    """Eckart and Young: the distance is theirs, by the eigenvalues of M M^T of each channel."""
    kernel = kernel_of()
    left = kernel - product(*factors(kernel, rank))
    for channel in range(4):
        matrix = kernel[:, :, channel].reshape(9, 6)
        values = np.sort(np.linalg.eigvalsh(matrix.T @ matrix))[::-1]
        assert np.sum(left[:, :, channel] ** 2) == pytest.approx(values[rank:].sum(), rel=1e-10)


def test_no_other_product_is_nearer():
    """Alternating least squares from random starts ends at the same distance."""
    kernel = kernel_of((3, 3, 1, 6))
    ours = np.linalg.norm(kernel - product(*factors(kernel, 1)))
    matrix, rng = kernel.reshape(9, 6), np.random.default_rng(1)
    for _ in range(3):
        row = rng.normal(size=6)
        for _ in range(500):
            column = matrix @ row / (row @ row)
            row = column @ matrix / (column @ column)
        assert np.linalg.norm(matrix - np.outer(column, row)) == pytest.approx(ours, rel=1e-9)


def test_each_term_is_as_large_in_either():
    depthwise, pointwise = factors(kernel_of(), 2)
    sizes = np.linalg.norm(depthwise.reshape(9, 8), axis=0), np.linalg.norm(pointwise[0, 0], axis=1)
    np.testing.assert_allclose(*sizes, rtol=1e-12)


@pytest.mark.parametrize("positive", [True, False])
def test_relus_between_change_nothing(positive):
    """One place of a map, all pixels of the kernel, by hand."""
    depthwise, pointwise = factors(kernel_of(), 2)
    x = np.random.default_rng(2).normal(size=(9, 4))
    x = np.abs(x) if positive else x
    expected = np.einsum("pi,pio->o", x, product(depthwise, pointwise).reshape(9, 4, 6))
    expand, inner, outer = between_relus(depthwise, pointwise, positive)
    assert expand.shape[-1] == inner.shape[2] == outer.shape[2] == 4 * 2 * (2 if positive else 4)
    wide = np.maximum(x @ expand[0, 0], 0)
    seen = np.maximum((wide * inner.reshape(9, -1)).sum(axis=0), 0)
    np.testing.assert_allclose(seen @ outer[0, 0], expected, atol=1e-12)
