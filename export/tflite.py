"""The student as a TFLite file: what all formats of this kind share."""

from pathlib import Path

from keras_kd.export.format import Format
from keras_kd.utils.files import write_atomically


class TFLite(Format):
    """One TFLite file, for images one at a time. A subclass tells the converter what it wants."""

    file = "student_{name}.tflite"
    title = "TFLite"

    def set_up(self, converter):
        """Sets the options of a `tf.lite.TFLiteConverter`; by default weights stay as they are."""

    def write(self, student, path, resolution=None):
        """Converts and writes the student, see `Format.write`.

        Raises:
            ValueError: an operation that TFLite does not have.
        """
        from keras_kd.export.conversion import convert

        return self.store(path, convert(student, resolution, self.set_up))

    def store(self, path, content, float_tensors=(), fully_quantized=False, fallback=None):
        """Writes a converted file, and returns the facts that all TFLite files share.

        Args:
            path: the file.
            content: its bytes.
            float_tensors: names of tensors that were meant to be integers.
            fully_quantized: whether every tensor holds integers.
            fallback: None, or why a part is not what the format promises.
        """
        write_atomically(path, lambda file: file.write(content))
        return {
            "format": self.name,
            "path": str(path),
            "bytes": len(content),
            "fully_quantized": fully_quantized,
            "float_tensors": list(float_tensors),
            "fallback": fallback,
        }

    def opens(self, path):
        path = Path(path)
        return path.is_file() and (path.suffix == ".tflite" or b"TFL3" in _start(path))

    def open(self, path, threads=1):
        from keras_kd.export.runners import LiteRunner

        return LiteRunner(path, threads)


def to_tflite(model, path, format="float32", representative=None, resolution=None):
    """Converts the student to one TFLite file, for images one at a time.

    `float32` changes nothing; `float16` halves the weights; `dynamic` stores weights as int8 and
    computes in float; `int8` computes in integers, with int8 in and out, its ranges measured on
    `representative`. An operation that int8 does not cover stays in float32, and the result says
    so. Quantisation scheme: Jacob et al. 2017, arXiv:1712.05877.

    Args:
        model: a Keras model with one image input in [-1, 1] and logits out; of a `KDModel`, its
            student.
        path: the file to write; an existing one is replaced once the new one is complete.
        format: name of a TFLite format in `keras_kd/export/formats`.
        representative: for int8, an iterable of float arrays `[1, H, W, C]` or `[B, H, W, C]` in
            [-1, 1], from the training split; 100 to 500 images are plenty.
        resolution: pixels, an int or (H, W), only for a model that leaves its input size open.

    Returns:
        A dict: `format`, `path`, `bytes`, `fully_quantized` (int8 in, out and throughout),
        `float_tensors` (names of the float tensors of an int8 file, else empty) and `fallback`
        (None, or why an int8 file is not integer throughout).

    Raises:
        ValueError: unknown format, representative images that are missing or do not fit, or an
            operation that TFLite does not have.
        OSError: the disk is full; the previous file is untouched.
    """
    from keras_kd.export import formats

    chosen = formats.get(format)
    if not isinstance(chosen, TFLite):
        lite = [name for name, one in formats.found().items() if isinstance(one, TFLite)]
        raise ValueError(
            f"Expected a TFLite format, one of {', '.join(lite)}. Received: format={format!r}."
        )
    offered = {"calibration_images": representative}
    needed = {name: offered[name] for name in chosen.needs if name in offered}
    return chosen.write(model, path, resolution, **needed)


def _start(path):
    with open(path, "rb") as file:
        return file.read(8)
