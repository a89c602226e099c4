"""TFLite with int8 weights; ranges of activations are measured as it runs."""

from keras_kd.export.tflite import TFLite


class Dynamic(TFLite):
    """A quarter of the size, without calibration images; images and logits stay in float."""

    order = 40
    title = "TFLite, int8 weights"

    def set_up(self, converter):
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # A scale a channel in large dense layers is FULLY_CONNECTED 12, of runtimes from 2.17 on.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
