"""Training images on which the ranges of an int8 file are measured."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_kd.data import Source


class SampledSource(Source):
    """A few examples of one split, evenly spread over it, since a folder may be sorted by class.

    Only these are read, however large the split is.

    Args:
        source: the source to sample from.
        split: a split expression of it.
        count: how many examples, >= 1; all of them where the split holds fewer.
    """

    def __init__(self, source, split, count):
        examples = source.split(split)
        total = examples.num_examples
        rows = np.linspace(0, total - 1, min(count, total)).round().astype(np.int32)
        super().__init__(source.name, source.class_names, source.channels, {split: len(rows)})
        self._sample = dataclasses.replace(
            examples,
            labels=examples.labels[rows],
            sizes=examples.sizes[rows],
            ids=examples.ids[rows],
            is_jpeg=None if examples.is_jpeg is None else examples.is_jpeg[rows],
            checksums=None if examples.checksums is None else examples.checksums[rows],
            store=_Rows(examples.store, rows),
        )

    def split(self, name):
        """The sample, whatever the name: it was drawn from one split."""
        return self._sample


class _Rows:
    """Random access to some rows of a store."""

    def __init__(self, store, rows):
        self._store = store
        self._rows = rows

    def fetch(self, indices):
        return self._store.fetch(tf.gather(self._rows, indices))
