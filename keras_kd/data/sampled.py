"""A few examples in the place of many, evenly spread."""

import numpy as np

from keras_kd.data.examples import Source


class SampledSource(Source):
    """A few examples of one split, evenly spread over it, since a folder may be sorted by class.

    Only these are read, however large the split is.

    Args:
        source: the source to sample from.
        split: a split expression of it.
        count: how many examples, >= 1; all of them where the split holds fewer.
        seed: of an order at random, in which the first few lie evenly, too; None: as they come.
    """

    def __init__(self, source, split, count, seed=None):
        examples = source.split(split)
        total = examples.num_examples
        rows = np.linspace(0, total - 1, min(count, total)).round().astype(np.int32)
        if seed is not None:
            rows = np.random.default_rng(seed).permutation(rows)
        super().__init__(source.name, source.class_names, source.channels, {split: len(rows)})
        self._sample = examples.take(rows)

    def split(self, name):
        """The sample, whatever the name: it was drawn from one split."""
        return self._sample
