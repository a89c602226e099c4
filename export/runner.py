"""Running exported files as a device would: is the answer the same, and how long does it take?"""

import time
from pathlib import Path

import numpy as np

from keras_kd.export.files import ExportError
from keras_kd.export.network import logits_of, student_of


class LiteRunner:
    """A TFLite file behind a function from images to logits.

    Args:
        path: the `.tflite` file.
        threads: threads of the interpreter, >= 1.
    """

    def __init__(self, path, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self.interpreter.allocate_tensors()
        (self._input,) = self.interpreter.get_input_details()
        (self._output,) = self.interpreter.get_output_details()
        self.image_shape = tuple(int(size) for size in self._input["shape"][1:])

    def __call__(self, images):
        """Float32 logits `[B, K]` of float32 images `[B, H, W, C]` in [-1, 1]."""
        answers = []
        for image in np.asarray(images, np.float32):
            self.interpreter.set_tensor(self._input["index"], _quantise(image[None], self._input))
            self.interpreter.invoke()
            raw = self.interpreter.get_tensor(self._output["index"])
            answers.append(_dequantise(raw, self._output))
        return np.concatenate(answers)

    def timed(self, image):
        """Seconds of one inference of `image` `[1, H, W, C]`, conversions of numbers left out."""
        self.interpreter.set_tensor(self._input["index"], _quantise(image, self._input))
        start = time.perf_counter()
        self.interpreter.invoke()
        return time.perf_counter() - start


class SavedModelRunner:
    """A SavedModel's `serving_default` behind a function from images to logits.

    Args:
        path: the folder.
    """

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


def load_runner(path, threads=1):
    """A runner for a `.tflite` file or a SavedModel folder.

    Raises:
        ExportError: there is neither at `path`.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return SavedModelRunner(path)
    if path.is_file():
        try:
            return LiteRunner(path, threads)
        except ValueError as error:
            raise ExportError(
                f"Expected a TFLite file. Received: path={str(path)!r} ({error}). Export it again."
            ) from error
    raise ExportError(
        "Expected a .tflite file or a SavedModel folder. "
        f"Received: path={str(path)!r}, which is neither. Export the student first."
    )


def verify(model_or_logits, path, dataset, progress=None):
    """Compares an exported file with the Keras student, on every image of `dataset`.

    Args:
        model_or_logits: the Keras student, or its logits `[N, K]` in the dataset's order.
        path: a `.tflite` file or a SavedModel folder.
        dataset: yields (x, y): x float32 `[B, H, W, C]` in [-1, 1] (or a dict with `student` or
            `image`), y int `[B]` or float `[B, K]`. Its order must be fixed. x alone will do.
        progress: None, or called with the number of images done after each batch.

    Returns:
        A dict: `accuracy` (None without labels) and `agreement_with_keras` (same top class), in
        [0, 1]; `max_abs_logit_difference`; `examples`, the number of images.

    Raises:
        ExportError: nothing at `path`, an empty dataset, or logits of another length.
    """
    runner = load_runner(path)
    reference = _reference(model_or_logits)
    examples = labelled = correct = agreed = 0
    difference = 0.0
    for batch in dataset:
        images, labels = _images_and_labels(batch)
        expected, received = reference(examples, images), runner(images)
        _check_same(expected, received)
        top = received.argmax(-1)
        agreed += int((top == expected.argmax(-1)).sum())
        difference = max(difference, float(np.abs(expected - received).max()))
        if labels is not None:
            labelled += len(top)
            correct += int((top == labels).sum())
        examples += len(top)
        if progress:
            progress(examples)
    _check_count(examples, model_or_logits)
    return {
        "accuracy": correct / labelled if labelled else None,
        "agreement_with_keras": agreed / examples,
        "max_abs_logit_difference": difference,
        "examples": examples,
    }


def benchmark(path, runs=100, warmup=10, threads=1):
    """Time of one image through an exported file, batch one.

    Args:
        path: a `.tflite` file or a SavedModel folder.
        runs: timed inferences, >= 1.
        warmup: inferences before, not timed, >= 0.
        threads: threads of the TFLite interpreter. A SavedModel runs with TensorFlow's own.

    Returns:
        A dict: `latency_ms` (median) and `p90_ms`, in milliseconds; `runs`; `threads` (None for a
        SavedModel).

    Raises:
        ExportError: nothing at `path`, or counts out of range.
    """
    if runs < 1 or warmup < 0 or threads < 1:
        raise ExportError(
            "Expected runs >= 1, warmup >= 0 and threads >= 1. "
            f"Received: runs={runs}, warmup={warmup}, threads={threads}."
        )
    runner = load_runner(path, threads)
    image = np.random.default_rng(0).uniform(-1, 1, (1, *runner.image_shape)).astype(np.float32)
    for _ in range(warmup):
        runner.timed(image)
    milliseconds = 1e3 * np.array([runner.timed(image) for _ in range(runs)])
    return {
        "latency_ms": float(np.median(milliseconds)),
        "p90_ms": float(np.percentile(milliseconds, 90)),
        "runs": runs,
        "threads": threads if isinstance(runner, LiteRunner) else None,
    }


def keras_logits(model, dataset):
    """Logits float32 `[N, K]` of a Keras model in inference mode, and labels `[N]` or None."""
    import tensorflow as tf

    model = student_of(model)
    forward = tf.function(lambda x: logits_of(model, x), reduce_retracing=True)
    logits, labels = [], []
    for batch in dataset:
        images, truth = _images_and_labels(batch)
        logits.append(forward(tf.constant(images)).numpy())
        labels.append(truth)
    if not logits:
        raise ExportError("Expected images to evaluate on. Received: an empty dataset.")
    known = all(truth is not None for truth in labels)
    return np.concatenate(logits), np.concatenate(labels) if known else None


def _reference(model_or_logits):
    """A function (first index, images) -> the Keras student's logits."""
    if not callable(model_or_logits):
        logits = np.asarray(model_or_logits, np.float32)
        return lambda start, images: logits[start : start + len(images)]
    model = student_of(model_or_logits)
    return lambda start, images: logits_of(model, images).numpy()


def _images_and_labels(batch):
    images, labels = batch if isinstance(batch, (tuple, list)) else (batch, None)
    if isinstance(images, dict):
        images = images.get("student", images.get("image"))
    if labels is not None:
        labels = np.asarray(labels)
        labels = labels.argmax(-1) if labels.ndim == 2 else labels
    return np.asarray(images, np.float32), labels


def _check_same(expected, received):
    if expected.shape[1:] != received.shape[1:] or len(expected) != len(received):
        raise ExportError(
            f"Expected the Keras student's logits of shape {received.shape} for this batch. "
            f"Received: shape {expected.shape}. Give logits of the same student and dataset."
        )


def _check_count(examples, model_or_logits):
    if not examples:
        raise ExportError("Expected images to compare on. Received: an empty dataset.")
    if not callable(model_or_logits) and len(model_or_logits) != examples:
        raise ExportError(
            f"Expected logits of the {examples} images of the dataset. "
            f"Received: {len(model_or_logits)} rows. Give logits of the same dataset."
        )


def _quantise(values, detail):
    """Float values in the input's own type: q = round(x / scale) + zero_point."""
    dtype = detail["dtype"]
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(dtype)


def _dequantise(values, detail):
    """Float32 values of an output: x = scale * (q - zero_point)."""
    if not np.issubdtype(detail["dtype"], np.integer):
        return values.astype(np.float32)
    scale, zero_point = detail["quantization"]
    return ((values.astype(np.float32) - zero_point) * scale).astype(np.float32)
