"""Few labels of many images: which ones stay is drawn from a seed."""

import dataclasses
import hashlib

import numpy as np

from keras_kd.data.examples import Source
from keras_kd.data.labels import UNKNOWN


def draw_labels(examples, per_class, seed):
    """Positions of the examples that keep their labels.

    Each example's rank within its class depends on the seed and its id alone: more labels a class
    are those of fewer and others. Ids count the files of a folder: where one comes or goes, others
    may be drawn.

    Args:
        examples: `keras_kd.data.Examples` with labels.
        per_class: labels that each class keeps, at least 1; a class with fewer keeps all.
        seed: int, the seed of the run.

    Returns:
        int64 `[M]`, in the examples' own order.
    """
    keys = np.array([_key(seed, number) for number in examples.ids], np.uint64)
    order = np.lexsort([keys, examples.labels])
    # Rank of each in its class: its place in this order behind the first of the class.
    sorted_labels = examples.labels[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
    return np.sort(order[rank < per_class])


def _key(seed, number):
    digest = hashlib.blake2b(f"{int(seed)}/labels/{int(number)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class FewLabels(Source):
    """The examples of another source that keep their labels, and no others.

    Args:
        source: the `Source` to draw from.
        per_class: labels that each class keeps, at least 1.
        seed: int, the seed of the run.
    """

    def __init__(self, source, per_class, seed):
        super().__init__(source.name, source.class_names, source.channels, source.counts)
        self._source, self._per_class, self._seed = source, per_class, seed

    def split(self, name):
        """The examples of a split of the source that keep their labels, as many a class."""
        if name not in self._cache:
            examples = self._source.split(name)
            kept = draw_labels(examples, self._per_class, self._seed)
            self._cache[name] = examples.take(kept)
        return self._cache[name]


class PartlyLabelled(Source):
    """All examples of a source, with the labels of those that another one knows.

    Args:
        source: the `Source` of the images.
        labelled: the `Source` of those whose labels may be seen, found by their ids; the labels of
            all others are -1.
    """

    def __init__(self, source, labelled):
        super().__init__(source.name, source.class_names, source.channels, source.counts)
        self._source, self._labelled = source, labelled

    def split(self, name):
        """The examples of a split of the source."""
        if name not in self._cache:
            examples, known = self._source.split(name), self._labelled.split(name)
            order = np.argsort(known.ids)
            place = order[np.searchsorted(known.ids, examples.ids, sorter=order) % len(order)]
            found = known.ids[place] == examples.ids
            labels = np.where(found, known.labels[place], UNKNOWN).astype(known.labels.dtype)
            self._cache[name] = dataclasses.replace(examples, labels=labels)
        return self._cache[name]
