"""TFLite with int8 weights; ranges of activations are measured as it runs."""

from keras_kd.export.tflite import TFLite


class Dynamic(TFLite):
    """A quarter of the size, without calibration images; images and logits stay in float."""

    order = 40
    title = "TFLite, int8 weights"

    def set_up(self, converter):
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
