"""An exported file, given by its path alone: is its answer the student's, and how fast is it?"""

from pathlib import Path

from keras_kd.export import formats
from keras_kd.export.measure import compare, time_one_image


def verify(model_or_logits, path, dataset, progress=None):
    """Compares an exported file with the Keras student, on every image of `dataset`.

    Args:
        model_or_logits: the Keras student, or its logits `[N, K]` in the dataset's order.
        path: what a format has written: a `.tflite` file or a SavedModel folder, say.
        dataset: yields (x, y): x float32 `[B, H, W, C]` in [-1, 1] (or a dict with `student` or
            `image`), y int `[B]` or float `[B, K]`. Its order must be fixed. x alone will do.
        progress: None, or called with the number of images done after each batch.

    Returns:
        A dict: `accuracy` (None without labels) and `agreement_with_keras` (same top class), in
        [0, 1]; `max_abs_logit_difference`, or `max_abs_probability_difference` of a file that
        answers in those;
        `examples`, the number of images.

    Raises:
        ValueError: nothing at `path`, an empty dataset, or logits of another length.
    """
    return compare(model_or_logits, open_file(path), dataset, progress)


def benchmark(path, runs=100, warmup=10, threads=1):
    """Time of one image through an exported file, batch one.

    Args:
        path: what a format has written: a `.tflite` file or a SavedModel folder, say.
        runs: timed inferences, >= 1.
        warmup: inferences before, not timed, >= 0.
        threads: threads of the TFLite interpreter. A SavedModel runs with TensorFlow's own.

    Returns:
        A dict: `latency_ms` (median) and `p90_ms`, in milliseconds; `runs`; `threads` (None for a
        SavedModel).

    Raises:
        ValueError: nothing at `path`, or counts out of range.
    """
    return time_one_image(open_file(path, threads), runs, warmup)


def open_file(path, threads=1):
    """A runner for an exported file or folder, see `keras_kd.export.format.Format.open`.

    Raises:
        ValueError: no format knows what is at `path`, or `threads` is below 1.
    """
    if threads < 1:
        raise ValueError(f"Expected threads >= 1. Received: threads={threads}.")
    kind = formats.of_path(Path(path))
    if kind is None:
        raise ValueError(
            "Expected a file or folder that an export wrote. "
            f"Received: path={str(path)!r}, which is neither. Export the student first."
        )
    return kind.open(path, threads)
