"""The examples of some classes of a source: what a stage sees that learns these alone."""

import numpy as np

from keras_kd.data.examples import Source
from keras_kd.utils.names import nearest

SHOWN = 5  # names in a sentence


def class_indices(chosen, names, key="classes"):
    """Indices of chosen classes among all.

    Args:
        chosen: names of classes, or their indices from 0.
        names: of all classes, in order.
        key: of the argument or config key that holds the choice; for errors.

    Returns:
        list of int, in the order of all classes; empty where none is chosen, which means all.

    Raises:
        ValueError: a class that there is not or that is named twice, or one alone.
    """
    found = [_index(one, names, key) for one in chosen]
    twice = [one for place, one in enumerate(found) if one in found[:place]]
    if twice or len(found) == 1:
        what = f"{names[twice[0]]!r} twice" if twice else f"{names[found[0]]!r} alone"
        raise ValueError(
            f"{key} must name two classes or more, each once, between which there is something to "
            f"tell; empty: all. Received: {key}={tuple(chosen)!r}, which has {what}."
        )
    return sorted(found)


def _index(one, names, key):
    if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(names):
        return one
    if isinstance(one, str) and one in names:
        return list(names).index(one)
    shown = ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    raise ValueError(
        f"{key} must hold names of the data's classes, or their numbers from 0 to "
        f"{len(names) - 1}. Received: {one!r}.{nearest(str(one), names)} Classes there are: "
        f"{shown}."
    )


class ChosenClasses(Source):
    """The examples of another source that are of some classes, with its labels.

    Args:
        source: the `Source` to choose from.
        classes: indices of the classes.
    """

    def __init__(self, source, classes):
        super().__init__(source.name, source.class_names, source.channels, source.counts)
        self._source, self._classes = source, list(classes)

    def split(self, name):
        """The examples of a split of the source that are of these classes.

        Raises:
            ValueError: a class without any.
        """
        if name not in self._cache:
            examples = self._source.split(name)
            missing = [one for one in self._classes if one not in examples.labels]
            if missing:
                told = ", ".join(repr(self.class_names[one]) for one in missing[:SHOWN])
                raise ValueError(
                    "Each class that a stage is to learn must have images. Received: "
                    f"{self.name}, split {name!r}, without one of {told}. Leave them out of the "
                    "stage's `classes`, or add images."
                )
            self._cache[name] = examples.take(
                np.flatnonzero(np.isin(examples.labels, self._classes))
            )
        return self._cache[name]
