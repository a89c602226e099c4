"""How much each layer loses in integers: signal to noise, largest error, clipped values."""

import math
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_kd.export import lite_file, quantizer

QUIETEST = 120.0  # dB; what has no error at all


class LayerError(NamedTuple):
    """What one layer loses, fed with what it gets in the file of integers.

    Attributes:
        layer: its name.
        sqnr_db: power of the layer's answer in float32 over that of its error, in dB; of the
            layer's tensor that is worst.
        largest: largest error, in the units of that tensor.
        clipped: share of values, in [0, 1], that lie outside of the range of the integers.
    """

    layer: str
    sqnr_db: float
    largest: float
    clipped: float


def layer_errors(measured, images, named):
    """The errors of all layers, the worst first.

    Args:
        measured: bytes of a file with measured ranges.
        images: float32 `[N, H, W, C]` in [-1, 1].
        named: function of a tensor's name to its layer's.

    Returns:
        list of `LayerError`, one a layer.
    """
    content = quantizer.quantised(measured, "float32", verify=True)
    with warnings.catch_warnings():
        # Only TensorFlow's own interpreter knows the operators that compare.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(
            model_content=content, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    details = {one["index"]: one for one in interpreter.get_tensor_details()}
    compared = [(*pair, _Sums()) for pair in compared_tensors(content)]
    (given,) = interpreter.get_input_details()
    for image in images:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        for integers, floats, sums in compared:
            scale, zero = details[integers]["quantization"]
            values = (interpreter.get_tensor(integers).astype(np.float64) - zero) * scale
            ends = ((np.array([-128.0, 127.0]) - zero) * scale).tolist()
            sums.add(interpreter.get_tensor(floats).astype(np.float64), values, ends, scale)
    worst = {}
    for _, floats, sums in compared:
        one = sums.told(named(details[floats]["name"]))
        known = worst.get(one.layer)
        if known is None or one.sqnr_db < known.sqnr_db:
            worst[one.layer] = one
    return sorted(worst.values(), key=lambda one: one.sqnr_db)


def compared_tensors(content):
    """Pairs (tensor of integers, the same in float32) that a verifying file compares, by number."""
    model = lite_file.parsed(content)
    graph, found = model.subgraphs[0], []
    for one in graph.operators:
        custom = model.operatorCodes[one.opcodeIndex].customCode
        if custom and custom.decode() == quantizer.VERIFY:
            found.append((int(one.inputs[0]), int(one.inputs[1])))
    return found


class _Sums:
    """What is known of one tensor after some images."""

    def __init__(self):
        self.signal = self.noise = self.largest = 0.0
        self.count = self.clipped = 0

    def add(self, floats, integers, ends, step):
        """Takes values `[...]` of float32 and those that integers stand for, as float64."""
        finite = np.isfinite(floats)  # 1 / sqrt(0) is none
        error = np.abs(floats[finite] - integers[finite])
        self.signal += float(np.square(floats[finite]).sum())
        self.noise += float(np.square(error).sum())
        self.largest = max(self.largest, float(error.max(initial=0)))
        outside = (floats[finite] < ends[0] - step / 2) | (floats[finite] > ends[1] + step / 2)
        self.clipped += int(outside.sum()) + int((~finite).sum())
        self.count += floats.size

    def told(self, layer):
        ratio = self.signal / self.noise if self.noise else math.inf
        decibels = 10 * math.log10(ratio) if 0 < ratio < math.inf else QUIETEST
        decibels = -QUIETEST if ratio == 0 and self.noise else decibels
        clipped = self.clipped / max(self.count, 1)
        return LayerError(layer, min(decibels, QUIETEST), self.largest, clipped)
