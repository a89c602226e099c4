"""TFLite in integers throughout, with int8 in and out, for processors without floats.

Scheme: Jacob et al. 2017, arXiv:1712.05877.
"""

import functools
import logging

from keras_kd.export.tflite import TFLite

_log = logging.getLogger(__name__)


class Int8(TFLite):
    """Ranges of activations are measured on calibration images, from the training split."""

    order = 50
    title = "TFLite, integers in and out"
    needs = ("calibration_images",)

    def set_up(self, converter, images, floats_allowed=False):
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        operations = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        operations += [tf.lite.OpsSet.TFLITE_BUILTINS] if floats_allowed else []
        converter.target_spec.supported_ops = operations
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.inference_input_type = converter.inference_output_type = tf.int8

    def write(self, student, path, resolution=None, calibration_images=None):
        """Converts and writes the student, in float32 where an operation has no int8 kernel.

        Args:
            student: as for `Format.write`.
            path: as for `Format.write`.
            resolution: as for `Format.write`.
            calibration_images: iterable of float arrays `[1, H, W, C]` or `[B, H, W, C]` in
                [-1, 1].

        Returns:
            dict as of every TFLite file; `fallback` says why it is not integer throughout.

        Raises:
            ValueError: images that are missing or do not fit, or an operation that TFLite lacks.
        """
        from keras_kd.export import conversion
        from keras_kd.export.calibration import checked_images
        from keras_kd.export.network import image_shape, student_of

        shape = image_shape(student_of(student), resolution)
        images = checked_images(calibration_images, shape, self.name)
        set_up, fallback = functools.partial(self.set_up, images=images), None
        try:
            content = conversion.convert_or_fail(student, resolution, set_up)
        except conversion.ConversionFailed as failed:
            with_floats = functools.partial(set_up, floats_allowed=True)
            content = conversion.convert(student, resolution, with_floats)
            fallback = f"some operations have no int8 kernel and run in float32 ({failed})"
        floats = conversion.float_tensors(content)
        if floats and not fallback:
            fallback = f"{len(floats)} tensors stay in float32 between dequantise and quantise"
        if fallback:
            _log.warning(
                "%s is not int8 throughout: %s. Float tensors: %s",
                path,
                fallback,
                ", ".join(floats),
            )
        return self.store(path, content, floats, not fallback, fallback)

    def remarks(self, facts):
        if facts.get("fully_quantized"):
            return ["no float tensor at all"]
        return super().remarks(facts)
