"""Running exported files as a device would: images in, logits out, and the time it took."""

import time

import numpy as np

from keras_kd.export import lite_file
from keras_kd.utils import affine


class LiteRunner:
    """A TFLite file behind a function from images to answers.

    Args:
        path: the `.tflite` file.
        threads: threads of the interpreter, >= 1.
        xnnpack: whether XNNPACK's kernels may run, as they do by default, or LiteRT's own alone.

    Attributes:
        output: what it answers, "logits" or "probabilities".
    """

    output = "logits"

    def __init__(self, path, threads=1, xnnpack=True):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = "BUILTIN" if xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        try:
            self.interpreter = Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=OpResolverType[kernels],
            )
        except ValueError as error:
            raise ValueError(
                f"Expected a TFLite file. Received: path={str(path)!r} ({error}). Export it again."
            ) from error
        self.threads = threads
        self.output = lite_file.preparation(path).get("output", self.output)
        self.interpreter.allocate_tensors()
        (self._input,) = self.interpreter.get_input_details()
        (self._output,) = self.interpreter.get_output_details()
        self.image_shape = tuple(int(size) for size in self._input["shape"][1:])

    def __call__(self, images):
        """Float32 answers `[B, K]` to float32 images `[B, H, W, C]` in [-1, 1]."""
        answers = []
        for image in np.asarray(images, np.float32):
            self.interpreter.set_tensor(self._input["index"], quantised(image[None], self._input))
            self.interpreter.invoke()
            raw = self.interpreter.get_tensor(self._output["index"])
            answers.append(dequantised(raw, self._output))
        return np.concatenate(answers)

    def timed(self, image):
        """Seconds of one inference of `image` `[1, H, W, C]`, conversions of numbers left out."""
        self.interpreter.set_tensor(self._input["index"], quantised(image, self._input))
        start = time.perf_counter()
        self.interpreter.invoke()
        return time.perf_counter() - start


class SavedModelRunner:
    """A SavedModel's `serving_default` behind a function from images to logits.

    Args:
        path: the folder.
    """

    output = "logits"
    threads = None  # TensorFlow's own choice

    def __init__(self, path):
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(path))
        self._serve = self._loaded.signatures["serving_default"]
        shape = self._serve.structured_input_signature[1]["image"].shape
        self.image_shape = tuple(shape[1:])

    def __call__(self, images):
        """Float32 logits `[B, K]` of float32 images `[B, H, W, C]` in [-1, 1]."""
        return self._serve(image=self._tf.constant(images, self._tf.float32))["logits"].numpy()

    def timed(self, image):
        """Seconds of one call with `image` `[1, H, W, C]`."""
        image = self._tf.constant(image)
        start = time.perf_counter()
        self._serve(image=image)["logits"].numpy()  # .numpy() waits for the device
        return time.perf_counter() - start


def quantised(values, detail):
    """Float values in the input's own type."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values.astype(detail["dtype"])
    return affine.to_integers(values, detail["dtype"], *detail["quantization"])


def dequantised(values, detail):
    """Float32 values of an output."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values.astype(np.float32)
    return affine.to_floats(values, *detail["quantization"])
