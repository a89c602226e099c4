"""TFLite with weights in half precision; arithmetic stays in float32."""

from keras_kd.export.tflite import TFLite


class Float16(TFLite):
    """Half the size: each weight keeps 11 bits of its mantissa."""

    order = 30
    title = "TFLite, half-precision weights"

    def set_up(self, converter):
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
