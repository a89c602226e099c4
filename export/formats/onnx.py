"""ONNX, for onnxruntime and whatever else reads it."""

from pathlib import Path

from keras_kd.export.format import Format


class Onnx(Format):
    """The student in floats, for batches of any size, with labels and preparation in its metadata.

    Images come as in TensorFlow, `[B, H, W, C]` in [-1, 1].
    """

    order = 70
    title = "ONNX"
    by_default = False
    file = "student.onnx"
    needs = ("class_names", "full_image", "scale", "exif", "view", "resize", "run_name", "options")
    requires = ("onnx", "onnxruntime", "tf2onnx")
    extra = "onnx"

    def write(self, student, path, resolution=None, **needed):
        """Converts and writes the student, see `Format.write`.

        Args:
            student: as for `Format.write`.
            path: as for `Format.write`.
            resolution: as for `Format.write`.
            **needed: arguments of `keras_kd.export.tflite.card_of`.

        Returns:
            dict of facts; `opset` is the version of ONNX's operators that it needs.

        Raises:
            ValueError: an operation that ONNX has not; it and its layer are named.
        """
        from keras_kd.export import onnx_file
        from keras_kd.export.tflite import card_of
        from keras_kd.utils.files import write_atomically

        card = card_of(student, resolution, **needed)
        model = onnx_file.converted(student, card)
        content = model.SerializeToString()
        write_atomically(path, lambda file: file.write(content))
        opset = next(one.version for one in model.opset_import if not one.domain)
        return {"format": self.name, "path": str(path), "bytes": len(content), "opset": opset}

    def opens(self, path):
        return Path(path).is_file() and Path(path).suffix == ".onnx"

    def open(self, path, threads=1):
        from keras_kd.export.onnx_file import OnnxRunner

        return OnnxRunner(path, threads)
