"""TFLite files run by the bare interpreter, and a network whose weights outweigh its graph."""

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def logits_of_file(path, images):
    """Logits of a file for float images; whole numbers at its ends are made and read by hand."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for image in images:
        interpreter.set_tensor(source["index"], _encoded(image[None], source))
        interpreter.invoke()
        answers.append(_decoded(interpreter.get_tensor(target["index"])[0], target))
    return np.array(answers)


def _encoded(values, detail):
    if detail["dtype"] not in (np.int8, np.uint8):
        return values
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    whole = np.rint(values.astype("float64") / scale) + zero_point
    return whole.clip(limits.min, limits.max).astype(detail["dtype"])


def _decoded(values, detail):
    if detail["dtype"] not in (np.int8, np.uint8):
        return values
    scale, zero_point = detail["quantization"]
    return (values.astype("float64") - zero_point) * scale


def heavy_network():
    """Two dense layers of 70 k weights, 280 kB in float32."""
    image = keras.Input((4, 4, 1))
    x = keras.layers.Dense(256)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(256)(x))
