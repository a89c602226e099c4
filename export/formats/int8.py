"""TFLite in integers, with int8 in and out, and floats only where integers would cost accuracy."""

from keras_kd.export.integers import Integers


class Int8(Integers):
    """Integers throughout for networks with batch norm; group and layer norms stay in float32."""

    order = 50
    title = "TFLite, integers in and out"
