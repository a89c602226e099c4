"""What makes a student of a network that has learned. The convention of this folder:

A wrapper takes a functional Keras model, and arguments of its own, and returns a functional Keras
model that starts from its weights. `shrink` cuts a smaller one out of it, `efficient` puts
cheaper operations in the place of its convolutions, `quantize_aware` rounds its weights and
activations while it is trained, and `unquantized` undoes that. It also takes
`images`, training images `[N, H, W, C]`, and `input_shape`, the size that the student sees. In a
config `NETWORK.model` names it as it would name a builder; the network that it is given is the
first teacher of the stage, or what `kwargs.of` names as `teachers` would: a stage, a network with a
handle, a handle. `kwargs.images` is a number of images.
"""

from keras_kd.models.wrap.efficient import efficient
from keras_kd.models.wrap.measured import with_ranges
from keras_kd.models.wrap.quantize import quantize_aware
from keras_kd.models.wrap.shrink import shrink
from keras_kd.models.wrap.unquantize import is_quantized, unquantized

WRAPPERS = {wrapper.__name__: wrapper for wrapper in (efficient, quantize_aware, shrink)}
# What they make is as a device runs it: no network in floats is trained after it.
LAST = (quantize_aware,)

__all__ = [
    "LAST", "WRAPPERS", "efficient", "is_quantized", "quantize_aware", "shrink", "unquantized",
    "with_ranges",
]  # fmt: skip
