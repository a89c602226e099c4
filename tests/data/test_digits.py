"""The embedded digits are scikit-learn's, in splits of equal shares."""

import numpy as np
from image_files import decoded
from sklearn.datasets import load_digits

from keras_kd.data import load_source


def test_digits_are_scikit_learns():
    data = load_digits()
    source = load_source("digits")
    train, test = source.split("train"), source.split("test")
    assert (train.num_examples, test.num_examples) == (1297, 500)
    assert (source.num_classes, source.channels) == (10, 1)
    assert sorted([*train.ids, *test.ids]) == list(range(1797))
    for examples in (train, test):
        np.testing.assert_array_equal(examples.labels, data.target[examples.ids])
        np.testing.assert_array_equal(examples.sizes, np.full((len(examples.ids), 2), 8))
    want = np.array([round(v * 255 / 16) for v in data.images[train.ids[5]].ravel()])
    np.testing.assert_array_equal(decoded(train, 5).ravel(), want)


def test_digits_splits_and_prefixes_are_stratified():
    source = load_source("digits")
    share = np.bincount(load_digits().target) / 1797
    for split in ("train", "test", "train[:300]", "train[50%:60%]"):
        labels = source.split(split).labels
        assert np.abs(np.bincount(labels, minlength=10) - share * len(labels)).max() < 2, split
