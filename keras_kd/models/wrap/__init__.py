"""What makes a student of a network that has learned. The convention of this folder:

A wrapper takes a functional Keras model, and arguments of its own, and returns a functional Keras
model that starts from its weights. `shrink` cuts a smaller one out of it, `efficient` puts cheaper
operations in the place of its convolutions, `quantize_aware` rounds its weights and activations
while it is trained, and `unquantized` undoes that; `residual` adds an assistant to it, which
`without_assistant` takes away; `convpass` puts adapters into a transformer, which files may hold
alone; `extend` gives it outputs for new classes, and `continued` leaves it as it is. It also takes
`input_shape`, the size that the student sees, and, where it wants them, `images`, training images
`[N, H, W, C]`, and `classes`, those of the stage, by their index.
In a config `NETWORK.model` names it as it would name a builder; the network that it is given is the
first teacher of the stage, or what `kwargs.of` names as `teachers` would: a stage, a network with a
handle, a handle; or a network that no stage trains, with pretrained weights. `kwargs.images` is a
number of images.
"""

from keras_kd.models.wrap.adapter_files import load_adapters, save_adapters
from keras_kd.models.wrap.continued import continued
from keras_kd.models.wrap.convpass import convpass
from keras_kd.models.wrap.efficient import efficient
from keras_kd.models.wrap.extend import extend
from keras_kd.models.wrap.measured import with_ranges
from keras_kd.models.wrap.quantize import quantize_aware
from keras_kd.models.wrap.residual import residual, without_assistant
from keras_kd.models.wrap.shrink import shrink
from keras_kd.models.wrap.unquantize import is_quantized, unquantized

WRAPPERS = {
    wrapper.__name__: wrapper
    for wrapper in (continued, convpass, efficient, extend, quantize_aware, residual, shrink)
}
# What they make is as a device runs it: no network in floats is trained after it.
LAST = (quantize_aware,)
# What they make is of the kind that they are given.
UNCHANGED = (continued,)

__all__ = [
    "LAST", "UNCHANGED", "WRAPPERS", "continued", "convpass", "efficient", "extend", "is_quantized",
    "load_adapters", "quantize_aware", "residual", "save_adapters", "shrink", "unquantized",
    "with_ranges", "without_assistant",
]  # fmt: skip
