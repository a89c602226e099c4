"""TFLite in integers throughout, whatever it costs: for processors without floats."""

from keras_kd.export.integers import Integers


class Int8Full(Integers):
    """As `int8`, with the norms that measure each image in integers too."""

    order = 55
    title = "TFLite, integers throughout"
    by_default = False  # of most networks `int8` is the same
    float_norms = False
