"""Two images of each example, one a modality: the teacher's, and the student's from another source.

Paper: Gupta et al. 2016, "Cross Modal Distillation for Supervision Transfer", arXiv 1507.00448.
"""

import dataclasses
import logging

import numpy as np

from keras_kd.data.examples import Source

SHOWN = 3  # examples in a sentence
_logger = logging.getLogger(__name__)


class Paired(Source):
    """A source's examples, each with another image of the same scene and size.

    Args:
        source: the `Source` of labels, splits and the teacher's images.
        other: the `Source` of the student's images, whatever splits and labels it has.
        allow_bad: fraction of examples that may be without a second image, in [0, 1]; they are left
            out and counted, and more of them stop the run.

    Raises:
        ValueError: images of other channels.
    """

    def __init__(self, source, other, allow_bad=0.01):
        super().__init__(source.name, source.class_names, source.channels, source.counts)
        self.index_dir, self.allow_bad = source.index_dir, allow_bad
        self._source, self._other = source, other
        if source.channels != other.channels:
            raise ValueError(
                "Both images of a pair must have as many channels. Received: "
                f"{source.channels} in {source.name}, {other.channels} in {other.name}. Store both "
                "in grey, or both in colour."
            )

    def split(self, name):
        """The examples of a split that have both images.

        Raises:
            ValueError: too many without a second image, or images of two sizes.
        """
        if name not in self._cache:
            self._cache[name] = self._joined(self._source.split(name), name)
        return self._cache[name]

    def _joined(self, first, name):
        others = self._other.split("+".join(sorted(self._other.counts)))
        place = {key: row for row, key in enumerate(self._other.keys(others.ids))}
        if len(place) < others.num_examples:
            raise ValueError(
                "The second image of an example must be one. Received: "
                f"{others.num_examples - len(place)} files in {self._other.name} that differ from "
                "others in their ending alone. Keep one of each."
            )
        keys = self._source.keys(first.ids)
        rows = np.array([place.get(key, -1) for key in keys])
        missing = [key for key, row in zip(keys, rows) if row < 0]
        told = ", ".join(map(str, missing[:SHOWN])) + (", ..." if len(missing) > SHOWN else "")
        if len(missing) > self.allow_bad * len(keys):
            raise ValueError(
                f"Each example must have both images. Received: {len(missing)} of {len(keys)} in "
                f"{self._source.name}, split {name!r}, without one in {self._other.name}: {told}. "
                "Files are joined by their path below the two folders, without its ending. Add "
                f"them, or raise data.allow_bad={self.allow_bad}."
            )
        if missing:
            _logger.info("%d of %d examples have no second image and are left out: %s",
                         len(missing), len(keys), told)  # fmt: skip
        kept = np.flatnonzero(rows >= 0)
        pair = dataclasses.replace(first.take(kept), paired=others.take(rows[kept]))
        _check_sizes(pair, [keys[row] for row in kept])
        return pair


def _check_sizes(pair, keys):
    """Refuses pairs whose crops would not show the same."""
    differ = np.flatnonzero((pair.sizes != pair.paired.sizes).any(axis=1))
    if len(differ):
        row = differ[0]
        one, other = ("x".join(map(str, sizes[row])) for sizes in (pair.sizes, pair.paired.sizes))
        raise ValueError(
            "Both images of a pair must have one height and width, so that a crop shows the same "
            f"of both. Received: {keys[row]!r} with {one} and {other} pixels, {len(differ)} such "
            "pairs in all. Resize the one to the other's size."
        )
