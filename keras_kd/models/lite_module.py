"""TFLite files as Keras layers: networks of phones that teach, float ones and quantised ones."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from keras_kd.models.host import HostModule
from keras_kd.models.interpreters import Interpreters
from keras_kd.models.tensors import Tensor
from keras_kd.utils.archives import DAMAGE

UNKNOWN_OP = ("custom op", "Select TensorFlow op", "Didn't find op", "not supported")


@keras.saving.register_keras_serializable(package="keras_kd")
class LiteModule(HostModule):
    """A TFLite file: images `[B, H, W, C]`, as it expects them, to logits.

    Whole numbers at its input and output are made and read by their scales and zero points.
    Batches of other sizes than the file's are run at once where it gives the same then, else
    image by image.

    Args: those of `keras_kd.models.host.HostModule`.
    """

    def _open(self):
        self._interpreters = Interpreters(Path(self.handle).read_bytes())
        try:
            with self._interpreters.of() as interpreter:
                inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise ValueError(_refusal(self.handle, error)) from error
        self._names = [one["name"] for one in outputs]
        self._places = {one["name"]: int(one["index"]) for one in outputs}
        found = [_tensor(one) for one in inputs]
        if len(found) == 1 and len(found[0].shape) == 4:
            batch = None if self._takes_batches(inputs[0]) else found[0].shape[0]
            found = [found[0]._replace(shape=(batch, *found[0].shape[1:]))]
        return found, [_tensor(one) for one in outputs]

    def _shown(self):
        from keras_kd.models.lite_graph import shown_activation

        place = self._places[self._target.name]
        content = Path(self.handle).read_bytes()
        return _recorded_activation(self.handle) or shown_activation(content, place, self._units)

    def _takes_batches(self, source):
        """Whether the file gives the same for two images at once as for each alone."""
        shape = (2, *(int(size) for size in source["shape"][1:]))
        images = np.random.default_rng(0).uniform(0, 1, shape)
        if np.issubdtype(source["dtype"], np.integer):
            images = images * 100
        images = images.astype(source["dtype"])
        try:
            together = self._outputs(images)
        except (ValueError, RuntimeError):  # a size is written into the graph
            return False
        if source["shape"][0] != 1:
            return all(np.shape(output)[:1] == (2,) for output in together)
        alone = zip(*(self._outputs(images[i : i + 1]) for i in (0, 1)))
        return all(
            np.shape(output)[:1] == (2,)
            and np.allclose(output, np.concatenate(parts), rtol=1e-3, atol=1e-3)
            for output, parts in zip(together, alone)
        )

    def _outputs(self, values):
        """All outputs for values of the input's type, in the file's order."""
        with self._interpreters.of(values.shape) as interpreter:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
            interpreter.invoke()
            return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]

    def _run(self, values):
        return self._outputs(values)[self._names.index(self._target.name)]


def recorded_range(path):
    """The values that a file of this toolkit says that its pixels have.

    Args:
        path: of a TFLite file.

    Returns:
        (low, high) that pixels of 0 to 255 become; None where the file holds no `preprocess.json`.
    """
    steps = _recorded(path)
    try:
        return float(steps["offset"]), float(255 * steps["scale"] + steps["offset"])
    except (KeyError, TypeError):  # one of others
        return None


def _recorded(path):
    """What `preprocess.json` in a file says."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("preprocess.json"))
    except (KeyError, TypeError, *DAMAGE):  # no archive is appended, or one of others
        return {}


def _recorded_activation(path):
    """What stands behind logits as a file of this toolkit says it, or empty."""
    steps = _recorded(path)
    told = steps.get("output") if isinstance(steps, dict) else None
    return {"logits": "linear", "probabilities": "softmax"}.get(told, "")


def _refusal(path, error):
    """Why a file cannot teach, in a sentence."""
    reason = " ".join(str(error).split())[:300]
    if any(phrase in reason for phrase in UNKNOWN_OP):
        advice = (
            "Its operations must be LiteRT's own: convert it again with "
            "target_spec.supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS], or take the network that "
            "it was made of"
        )
    else:
        advice = "If it was cut short, copy it again"
    return (
        f"a TFLite file must open in ai-edge-litert. Received: handle={path!r}, which fails: "
        f"{reason}. {advice}."
    )


def _tensor(detail):
    signature = detail.get("shape_signature", detail["shape"])
    sizes = detail["shape"] if len(signature) != len(detail["shape"]) else signature
    shape = tuple(int(size) if size > 0 else None for size in sizes)
    scale, zero_point = detail["quantization"]
    return Tensor(detail["name"], shape, np.dtype(detail["dtype"]), float(scale), int(zero_point))
