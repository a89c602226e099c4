"""Images without labels: those of a source that hides them, and further ones beside them.

The union is one list of examples, so that everything that counts from (seed, step) counts over all
of them: order, boxes, restarts, caches and workers are as for any other source.
"""

import dataclasses
import functools
import zlib

import numpy as np

from keras_kd.data.examples import COLUMNS, ArrayStore, Source


class Unlabelled(Source):
    """The examples of another source without their labels, which become -1.

    Args:
        source: the `Source` whose labels nobody shall see.
    """

    def __init__(self, source):
        super().__init__(source.name, source.class_names, source.channels, source.counts)
        self._source = source

    def split(self, name):
        """The examples of a split of the source, all labels -1."""
        if name not in self._cache:
            self._cache[name] = without_labels(self._source.split(name))
        return self._cache[name]


def without_labels(examples):
    """`Examples` like these, all of whose labels are -1."""
    return dataclasses.replace(examples, labels=np.full_like(examples.labels, -1))


class Joined(Source):
    """A source's images, and after them those of another, all without labels.

    Args:
        source: the first `Source`; names of splits are its own.
        further: a `Source` of further images.
        further_split: split expression of it.
        evaluated: `Examples` on which models are evaluated. Further images that are among them, or
            among the first source's own, are left out, and counted in `left_out`.

    Raises:
        ValueError: images of other channels, or in memory where the others lie in files.
    """

    def __init__(self, source, further, further_split, evaluated):
        name = f"{source.name} + {further.name}"
        super().__init__(name, source.class_names, source.channels, source.counts)
        if source.channels != further.channels:
            raise ValueError(
                "Unlabelled images must have as many channels as the others. Received: "
                f"{further.channels} in {further.name}, {source.channels} in {source.name}. "
                "Choose two of one kind, both grey or both in colour."
            )
        self._source, self._evaluated = source, evaluated
        self._further, self._further_split = further, further_split

    @functools.cached_property
    def further(self):
        """`Examples` of the further images that are not among the evaluated ones."""
        examples = self._further.split(self._further_split)
        return examples.take(~_among(examples, self._evaluated))

    def left_out(self, name):
        """Numbers of further images that are left out beside a split of the first source.

        Returns:
            dict: `evaluated`, those that models are evaluated on, and `twice`, those that the split
            itself holds.
        """
        count = self._further.split(self._further_split).num_examples
        kept = self.split(name).num_examples - self._source.split(name).num_examples
        evaluated = count - self.further.num_examples
        return {"evaluated": evaluated, "twice": count - evaluated - kept}

    def describe(self, name):
        """What joins a split of the first source, and what does not, in a phrase."""
        left = self.left_out(name)
        kept = self.split(name).num_examples - self._source.split(name).num_examples
        found = f"{kept:,} of {self._further.name}"
        if folders := getattr(self._further, "folders", ()):
            shown = ", ".join(folders[:3]) + (", ..." if len(folders) > 3 else "")
            found += f", also from its folders ({shown}), whose names are no labels here"
        if left["evaluated"]:
            found += f"; {left['evaluated']:,} are evaluated on and left out"
        if left["twice"]:
            found += f"; {left['twice']:,} are training images already"
        return found

    def split(self, name):
        """The examples of a split of the first source, then all further ones; labels are -1.

        Raises:
            ValueError: no further image is left.
        """
        if name not in self._cache:
            first = self._source.split(name)
            fresh = self.further.take(~_among(self.further, first))
            if not fresh.num_examples:
                raise ValueError(
                    "Unlabelled images must not be those that are there already. Received: "
                    f"{self._further.name}, split {self._further_split!r}, all of whose images are "
                    "trained or evaluated on. Give other images, or leave data.unlabelled empty."
                )
            self._cache[name] = _joined(first, fresh, sum(self._source.counts.values()))
        return self._cache[name]


def _joined(first, further, offset):
    """The `Examples` of both; ids of the further ones count on from `offset`."""
    if isinstance(first.store, ArrayStore) != isinstance(further.store, ArrayStore):
        raise ValueError(
            "Unlabelled images must lie in files where the others do, and in memory where they "
            f"do. Received: a {type(further.store).__name__} beside a "
            f"{type(first.store).__name__}. Write both into folders of image files."
        )
    further = dataclasses.replace(further, ids=further.ids + offset)
    columns = {name: (getattr(first, name), getattr(further, name)) for name in COLUMNS}
    joined = {
        name: np.concatenate(values) for name, values in columns.items() if values[0] is not None
    }
    store, skipped = first.store.join(further.store), first.skipped + further.skipped
    return without_labels(dataclasses.replace(first, **joined, store=store, skipped=skipped))


def _among(examples, others):
    """bool `[N]`: which examples have the very bytes of one of the others."""
    own, theirs = _contents(examples), _contents(others)
    if own is None or theirs is None:
        return np.zeros(examples.num_examples, bool)
    return np.isin(own, theirs)


def _contents(examples):
    """uint64 `[N]`: of each example a checksum of its bytes, and its size; None where unknown."""
    checksums = examples.checksums
    if checksums is None:
        images = getattr(examples.store, "images", ())
        if len(images) != examples.num_examples:
            return None  # random images that stand for others
        checksums = [zlib.crc32(np.ascontiguousarray(image)) for image in images]
    # EXIF may turn one of two equal images: the sides in the order of their lengths.
    short, long = np.sort(examples.sizes, axis=1).astype(np.uint64).T
    return np.asarray(checksums, np.uint64) << np.uint64(32) | short << np.uint64(16) | long
