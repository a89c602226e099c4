"""Images to measure ranges on: evenly drawn, and refused where they do not fit the student."""

import numpy as np
import pytest

from keras_kd.data import evaluation_dataset, load_source
from keras_kd.export.calibration import SampledSource, checked_images


def test_calibration_images_lie_evenly_over_the_split():
    source = load_source("digits")
    everything = source.split("train")
    sample = SampledSource(source, "train", 5)
    rows = [0, 324, 648, 972, 1296]  # 1,297 training digits
    assert everything.num_examples == 1297
    images, labels = next(iter(evaluation_dataset(sample, "train", 10, 8, full_image=True)))
    np.testing.assert_array_equal(labels, everything.labels[rows])
    full, _ = next(iter(evaluation_dataset(source, "train", 1297, 8, full_image=True)))
    np.testing.assert_array_equal(images, full.numpy()[rows])
    assert SampledSource(source, "train[:3]", 5).split("train").num_examples == 3


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
