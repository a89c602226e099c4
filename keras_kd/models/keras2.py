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

from keras_kd.models.download import place
from keras_kd.models.host import digest_of
from keras_kd.models.value_range import SHOWN, range_of_values
from keras_kd.utils.files import replace_folder

CACHE = "keras_kd/converted"  # in Keras's folder
FACTS = "keras2_values.json"
# What the other process does. It tells the input's shape, and what flat images of some values
# become before the first weights: their medians, away from borders of zeros.
PROGRAM = """
import json, sys
import numpy as np
import tf_keras

source, folder, facts, shown = sys.argv[1:]
model = tf_keras.models.load_model(source, compile=False)


def until_weights(model, x, passed):
    for layer in model.layers:
        if not layer.weights or type(layer).__name__ == "Normalization":
            if not isinstance(layer, tf_keras.layers.InputLayer):
                passed.append(repr(layer.name))
            continue
        comes = layer.inbound_nodes[-1].keras_inputs[0]  # where it is called, not its own input
        x = tf_keras.Model(model.inputs, comes)(x, training=False)
        return until_weights(layer, x, passed) if isinstance(layer, tf_keras.Model) else x
    return x


values, passed = {}, []
shapes = [list(one.shape) for one in model.inputs]
if len(shapes) == 1 and len(shapes[0]) == 4:
    numbers = json.loads(shown)
    flat = [np.full([side or 64 for side in shapes[0][1:]], one, "float32") for one in numbers]
    x = np.asarray(until_weights(model, np.stack(flat), passed), "float64")
    if x.ndim == 4:
        x = x[:, x.shape[1] // 2, x.shape[2] // 2]
    values = dict(zip(numbers, np.median(x.reshape(len(numbers), -1), axis=1)))
model.save(folder, save_format="tf")
with open(facts, "w") as file:
    json.dump({"inputs": shapes, "values": list(values.items()), "passed": passed}, file)
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
    arguments = [str(path.absolute()), str(folder), str(folder / FACTS), json.dumps(SHOWN)]
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


def expected_range(folder):
    """The value range that a converted model expects, as `keras_kd.models.value_range` tells it.

    Returns:
        (low, high), or None where the values are taken as they are.

    Raises:
        UnknownRange: what stands before its weights fits none, or several.
    """
    facts = _facts(folder)
    return range_of_values(dict(facts["values"]), facts["passed"])


def _facts(folder):
    return json.loads((Path(folder) / FACTS).read_text(encoding="utf-8"))
