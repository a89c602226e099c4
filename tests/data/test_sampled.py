"""A few examples of a split: evenly drawn, and the images that they were."""

import numpy as np

from keras_kd.data import evaluation_dataset, load_source
from keras_kd.data.sampled import SampledSource


def test_a_sample_lies_evenly_over_the_split():
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
