"""Images to measure ranges on: refused where they do not fit the student."""

import numpy as np
import pytest

from keras_kd.export.calibration import checked_images


def test_images_of_any_batches_become_one_array(images):
    batches = [images[0], images[1:2], images[2:]]
    np.testing.assert_array_equal(checked_images(batches, images.shape[1:], "f"), images)


def test_mistakes_are_named(images):
    shape = images.shape[1:]
    with pytest.raises(ValueError, match="Received: representative=None"):
        checked_images(None, shape, "f")
    with pytest.raises(ValueError, match="Received: representative=empty"):
        checked_images([], shape, "f")
    with pytest.raises(ValueError, match=r"Received: an array of shape \[16, 6, 12, 3\]"):
        checked_images([images[:, ::2]], shape, "f")
    with pytest.raises(ValueError, match=r"Expected representative images in \[-1, 1\]"):
        checked_images([images * 127], shape, "f")
    with pytest.raises(ValueError, match=r"Expected representative images in \[-1, 1\]"):
        checked_images([images * np.nan], shape, "f")
    with pytest.raises(ValueError, match=r"show something.*Received: images of zeros alone"):
        checked_images([0 * images], shape, "f")
    for wrong, kind in ((["a.png"], "list"), (5, "int"), ([[images[0], images[:3]]], "list")):
        with pytest.raises(ValueError, match=rf"arrays of numbers.*representative of type {kind}"):
            checked_images(wrong, shape, "f")
