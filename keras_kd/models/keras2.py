"""Model files of Keras 1 and 2 that Keras 3 cannot read: through tf_keras into a SavedModel.

The conversion is made once, in a process of its own, and kept in the user's cache under the hash
of the file; the file's own folder is not written to.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras

from keras_kd.models.download import place
from keras_kd.models.host import digest_of
from keras_kd.utils.files import replace_folder

CACHE = "keras_kd/converted"  # in Keras's folder
FACTS = "keras2.json"
# What the other process does; it tells the input's shape and the layers that scale its values.
PROGRAM = """
import json, sys
import tf_keras

model = tf_keras.models.load_model(sys.argv[1], compile=False)


def leading(model):
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            yield from leading(layer)
            return
        if layer.weights and type(layer).__name__ != "Normalization":
            return
        yield layer


def number(values):
    return [float(one) for one in tf_keras.backend.get_value(values).ravel()]


scaling = []
for layer in leading(model):
    if type(layer).__name__ == "Rescaling":
        scaling.append(["Rescaling", {"scale": layer.scale, "offset": layer.offset}])
    elif type(layer).__name__ == "Normalization":
        scaling.append(
            ["Normalization", {"mean": number(layer.mean), "variance": number(layer.variance)}]
        )
shapes = [list(one.shape) for one in model.inputs]
model.save(sys.argv[2], save_format="tf")
with open(sys.argv[3], "w") as file:
    json.dump({"inputs": shapes, "scaling": scaling}, file, default=lambda one: one.tolist())
"""
_logger = logging.getLogger(__name__)


def converted(path):
    """A SavedModel of what tf_keras reads in a file.

    Args:
        path: of the file.

    Returns:
        `pathlib.Path` of a folder: `keras_kd/converted` in Keras's folder (`$KERAS_HOME`, or
        `.keras` in the home folder) holds it, or, where that cannot be written, a temporary one.

    Raises:
        ValueError: tf_keras is not there, or cannot read the file either.
    """
    path = Path(path)
    name = f"{path.stem}-{digest_of(path)}"
    folder = place(name, CACHE)
    if (folder / FACTS).is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder.parent, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.mkdtemp(prefix="keras_kd-")) / name
    _logger.info("%s: of an older Keras; tf_keras converts it into %s", path, folder)
    with replace_folder(folder) as fresh:
        _convert(path, fresh)
    return folder


def _convert(path, folder):
    arguments = [str(path.absolute()), str(folder), str(folder / FACTS)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **quiet},
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ValueError(lines[-1][:300])


def input_shape(folder):
    """(height, width, channels) of the images of a converted model; None where a size is open."""
    inputs = _facts(folder)["inputs"]
    shape = tuple(inputs[0][1:]) if len(inputs) == 1 else ()
    return shape if len(shape) == 3 and None not in shape else None


def scaling(folder):
    """The layers in front of a converted model that scale its values, as a Keras model, or None.

    A convolution stands for what comes after them.
    """
    layers = _facts(folder)["scaling"]
    if not layers:
        return None
    channels = (_facts(folder)["inputs"][0] or [None])[-1]
    made = [getattr(keras.layers, name)(**settings) for name, settings in layers]
    return keras.Sequential([keras.Input((8, 8, channels or 3)), *made, keras.layers.Conv2D(1, 1)])


def _facts(folder):
    return json.loads((Path(folder) / FACTS).read_text(encoding="utf-8"))
