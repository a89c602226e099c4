"""Measured times of networks, kept in a run: what was chosen by them is chosen again.

A network whose widths follow from a time must have the same ones whenever a run goes on, and on all
of its workers; no clock would say the same twice.
"""

import hashlib
import json

from keras_kd.distribution import strategies
from keras_kd.models.lite_speed import LiteSpeed
from keras_kd.utils.files import read_json, write_json


class Latencies:
    """Milliseconds of an image by networks that the run asks about, each measured once.

    Args:
        path: `pathlib.Path` of the file that keeps them, which the chief writes; None: nothing is
            kept.
        strategy: the `tf.distribute.Strategy` of the run.
        measure: function from a Keras model to milliseconds; default: a `LiteSpeed`.
    """

    def __init__(self, path, strategy, measure=None):
        self._path, self._strategy = path, strategy
        self._measure = measure or LiteSpeed()
        self._unkept = {}

    def __call__(self, model):
        """Milliseconds of an image, of any network of the same shapes."""
        key = _key(model)
        with strategies.chief_first(self._strategy):
            known = self._unkept if self._path is None else read_json(self._path, {})
            if key not in known:
                known[key] = self._measure(model)
                if self._path is not None and strategies.is_chief(self._strategy):
                    write_json(self._path, known)
        return known[key]


def _key(model):
    """Names a network's shapes: its weights do not change its time."""
    layers = [
        (one.__class__.__name__, [list(w.shape) for w in one.weights]) for one in model.layers
    ]
    told = json.dumps([list(model.input_shape), layers])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
