"""Filters as matrices: what they keep, and their limits; the ops' tests have the rest."""

import numpy as np

from keras_kd.data.filters import along_both, fewer_pixels, gaussian, slope


def test_means_stay_and_slopes_of_nothing_are_nothing():
    for matrix in (gaussian(7, 1.3), fewer_pixels(7, 3), slope(7)[0]):
        np.testing.assert_allclose(matrix.sum(1), 1)
        assert (matrix >= 0).all()
    np.testing.assert_allclose(slope(7)[1].sum(1), 0, atol=1e-12)


def test_as_many_pixels_as_there_are_change_nothing():
    np.testing.assert_allclose(fewer_pixels(6, 6), np.eye(6), atol=1e-12)
    np.testing.assert_allclose(fewer_pixels(6, 60), np.eye(6), atol=1e-12)
    np.testing.assert_allclose(fewer_pixels(6, 1), 1 / 6)


def test_rows_and_columns_are_told_apart():
    image = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    rows, columns = (np.random.default_rng(1).normal(size=s).astype("float32")
                     for s in ((5, 3), (6, 4)))  # fmt: skip
    got = along_both(image, rows, columns)
    want = np.stack([rows @ image[..., c] @ columns.T for c in range(2)], -1)
    np.testing.assert_allclose(got, want, atol=1e-4)
