"""Files of integers of one student that keep this or that layer in float32, each measured."""

import itertools
import tempfile
from pathlib import Path

import numpy as np

from keras_kd.export import quantizer
from keras_kd.export.explain.errors import QUIETEST
from keras_kd.export.runners import LiteRunner


class Files:
    """Builds and measures such files.

    Args:
        measured: bytes of a file with measured ranges.
        nodes: dict: name of a layer -> names of its tensors.
        images: float32 `[N, H, W, C]` in [-1, 1] to test on.
        labels: int `[N]`, or None.
        expected: the Keras student's answers `[N, K]` to them.
    """

    def __init__(self, measured, nodes, images, labels, expected):
        self._measured, self._nodes = measured, nodes
        self._images, self._labels, self._expected = images, labels, expected
        self._open, self._numbers = {}, itertools.count()
        # Windows lets nobody remove a file that a runner has open.
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

    def of_layers(self, keep=()):
        """Facts of the file that keeps these layers, a tuple of names, see `_facts`."""
        nodes = {tensor for name in keep for tensor in self._nodes[name]}
        return self._facts(nodes=nodes)

    def with_norms(self):
        """Facts of the file that keeps the norms that measure each image, as format int8 does."""
        return self._facts(floats=quantizer.NORM)

    def runner(self, path):
        """The open file at a `path` of its facts."""
        if path not in self._open:
            self._open[path] = LiteRunner(path)
        return self._open[path]

    def close(self):
        self._folder.cleanup()

    def _facts(self, **kept):
        """`accuracy` or None, `agreement` with Keras, `sqnr_db` of the answers, `bytes`, `path`."""
        content = quantizer.quantised(self._measured, **{k: tuple(v) for k, v in kept.items()})
        path = Path(self._folder.name) / f"{next(self._numbers)}.tflite"
        path.write_bytes(content)
        answers = self.runner(path)(self._images)
        top, error = answers.argmax(-1), np.square(answers - self._expected).sum()
        ratio = np.square(self._expected).sum() / max(error, 1e-12)
        correct = None if self._labels is None else float((top == self._labels).mean())
        return {
            "accuracy": correct,
            "agreement": float((top == self._expected.argmax(-1)).mean()),
            "sqnr_db": float(min(10 * np.log10(max(ratio, 1e-12)), QUIETEST)),
            "bytes": len(content),
            "path": str(path),
        }
