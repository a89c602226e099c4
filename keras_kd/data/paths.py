"""The names of very many files in little memory."""

import os

import numpy as np


class Paths:
    """A sequence of the paths of files below one folder, each made when it is asked for.

    A string of Python takes 50 bytes beside its letters, and a list 8 more: for the files of a
    large data set that would be the largest thing in memory.

    Args:
        folder: what all paths begin with.
        names: iterable of str, paths below the folder.
    """

    def __init__(self, folder, names):
        encoded = [os.fsencode(name) for name in names]
        self.folder = folder
        self._letters = b"".join(encoded)
        self._starts = np.cumsum([0] + [len(name) for name in encoded], dtype=np.int64)

    def __len__(self):
        return len(self._starts) - 1

    def __getitem__(self, index):
        return os.path.join(self.folder, self.name(index))

    def name(self, index):
        """The path below the folder of file `index`, in [0, N)."""
        start, stop = self._starts[index], self._starts[index + 1]
        return os.fsdecode(self._letters[start:stop])
