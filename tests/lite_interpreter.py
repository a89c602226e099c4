"""TFLite files run by the bare interpreter, and a network whose weights outweigh its graph."""

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def logits_of_file(path, images):
    """Logits of a file with float images and float logits."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    answers = []
    for image in images:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target)[0])
    return np.array(answers)


def heavy_network():
    """Two dense layers of 70 k weights, 280 kB in float32."""
    image = keras.Input((4, 4, 1))
    x = keras.layers.Dense(256)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(256)(x))
