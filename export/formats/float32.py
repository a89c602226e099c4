"""TFLite as the student is: every number in float32."""

from keras_kd.export.tflite import TFLite


class Float32(TFLite):
    """The student's own weights and arithmetic."""

    order = 20
    is_reference = True
