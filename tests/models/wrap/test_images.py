"""Images that a wrapper is shown."""

import numpy as np
import pytest

from keras_kd.models.wrap.images import BATCH, batches_of, checked_images


def test_they_become_floats():
    found = checked_images(np.zeros((2, 8, 8, 3), "uint8"), (None, 8, 3))
    assert found.dtype == np.float32 and found.shape == (2, 8, 8, 3)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (8, 8, 3), (2, 8, 8, 1), (2, 9, 8, 3)])
def test_others_are_refused(shape):
    with pytest.raises(ValueError, match=r"images must be \[N, 8, 8, 3\].*Received"):
        checked_images(np.zeros(shape), (8, 8, 3))


def test_batches_hold_all_images_once():
    images = np.arange(2 * BATCH + 1)
    found = batches_of(images)
    assert [len(one) for one in found] == [BATCH, BATCH, 1]
    np.testing.assert_array_equal(np.concatenate(found), images)
