"""Running the C array of an export by TFLM's interpreter, as a microcontroller would."""

import tempfile
import time
from pathlib import Path

import numpy as np

from keras_kd.export.card import PREPROCESS
from keras_kd.export.micro import code, probe
from keras_kd.export.runners import LiteRunner, dequantised, quantised
from keras_kd.utils.files import read_json


class MicroRunner:
    """The array in a folder behind a function from images to answers.

    Args:
        path: the folder.

    Attributes:
        content: bytes of the array.
        output: what it answers, "logits" or "probabilities".
    """

    threads = 1

    def __init__(self, path):
        from tflite_micro import runtime

        self.content = code.array_in(path)
        self.output = read_json(Path(path) / PREPROCESS, {}).get("output", "logits")
        try:
            self._interpreter = runtime.Interpreter.from_bytes(self.content, arena_size=probe.MOST)
        except RuntimeError as error:
            raise ValueError(
                "Expected an array that TensorFlow Lite for Microcontrollers runs. "
                f"Received: path={str(path)!r} ({error}). Export it again."
            ) from error
        self._input = _detail(self._interpreter.get_input_details(0))
        self._output = _detail(self._interpreter.get_output_details(0))
        self.image_shape = tuple(int(size) for size in self._input["shape"][1:])

    def __call__(self, images):
        """Float32 answers `[B, K]` to float32 images `[B, H, W, C]` in [-1, 1]."""
        answers = []
        for image in np.asarray(images, np.float32):
            self._interpreter.set_input(quantised(image[None], self._input), 0)
            self._interpreter.invoke()
            answers.append(dequantised(self._interpreter.get_output(0), self._output))
        return np.concatenate(answers)

    def timed(self, image):
        """Seconds of one inference of `image` `[1, H, W, C]` on this computer."""
        self._interpreter.set_input(quantised(image, self._input), 0)
        start = time.perf_counter()
        self._interpreter.invoke()
        return time.perf_counter() - start


class BesideLiteRT:
    """A `MicroRunner` whose classes are compared with those of LiteRT for the same array."""

    def __init__(self, runner):
        self._runner = runner
        self.output = runner.output
        self.image_shape = runner.image_shape
        self._seen = self._same = 0
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "student.tflite"
            path.write_bytes(runner.content)
            self._lite = LiteRunner(path)

    def __call__(self, images):
        answers = self._runner(images)
        self._seen += len(answers)
        self._same += int((answers.argmax(-1) == self._lite(images).argmax(-1)).sum())
        return answers

    def facts(self):
        """`agreement_with_litert`, in [0, 1]."""
        return {"agreement_with_litert": self._same / self._seen}


def _detail(told):
    """A tensor as LiteRT's interpreter would tell of it."""
    scales, zeros = (told["quantization_parameters"][key] for key in ("scales", "zero_points"))
    known = (float(scales[0]), int(zeros[0])) if len(scales) else (0.0, 0)
    return {**told, "quantization": known}
