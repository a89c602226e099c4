"""Small networks in few bits, and their int8 files, for the tests of `quantize_aware`."""

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from keras_kd.models.wrap.norms import measure_norms

SHAPE = (16, 16, 3)


def of_all_kinds():
    """A layer of every kind that is quantised, and activations of all kinds."""
    keras.utils.set_random_seed(0)
    images = keras.Input(SHAPE)
    x = layers.Rescaling(0.5, 0.1, name="rescaling")(images)
    x = layers.Conv2D(8, 3, activation="swish", name="first")(x)
    x = layers.BatchNormalization(name="alone")(x)
    y = layers.SeparableConv2D(8, 3, padding="same", name="separable")(x)
    y = layers.LeakyReLU(name="leaky")(layers.BatchNormalization(name="separable_bn")(y))
    z = layers.Conv2D(4, 1, activation="sigmoid", name="gate")(x)
    z = layers.Conv2DTranspose(8, 2, strides=2, name="larger")(layers.AveragePooling2D(2)(z))
    z = layers.BatchNormalization(name="larger_bn")(z)
    x = layers.MaxPooling2D(2)(layers.Concatenate(name="both")([y, z]))
    x = layers.Conv2D(8, 3, groups=2, activation="gelu", name="grouped")(x)
    x = layers.Flatten()(keras.ops.relu(x + 1.0))
    x = layers.Dense(16, activation="tanh", name="hidden")(layers.Dropout(0.5)(x))
    return varied(keras.Model(images, layers.Dense(5, name="logits")(x), name="of_all_kinds"))


def varied(model, shape=SHAPE, seed=0):
    """The model with norms and biases that do something, so that its answers differ by image."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            sizes = [w.shape for w in layer.get_weights()]
            layer.set_weights([rng.uniform(0.5, 1.5, size) for size in sizes])
        elif getattr(layer, "use_bias", False):
            layer.bias.assign(rng.uniform(-0.1, 0.1, layer.bias.shape))
    measure_norms(model, [pictures(64, shape, seed)])
    head = model.get_layer("logits")
    head.kernel.assign(rng.normal(size=head.kernel.shape))
    return model


def pictures(count, shape=SHAPE, seed=0):
    """Images in [-1, 1] of one colour each, with some noise: `[N, H, W, C]`."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(-1, 1, (count, 1, 1, shape[-1]))
    noise = rng.uniform(-1, 1, (count, *shape)) * rng.uniform(0, 1, (count, 1, 1, 1))
    return np.clip(colours + noise, -1, 1).astype("float32")


def outputs_of(content, images):
    """What an int8 file answers, and the step of its answers.

    Args:
        content: bytes.
        images: float32 `[N, H, W, C]`.

    Returns:
        (float array `[N, K]`, float).
    """
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    (scale, zero), (step, offset) = given["quantization"], answer["quantization"]
    found = []
    for image in images:
        whole = np.clip(np.round(image[None] / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(given["index"], whole)
        interpreter.invoke()
        found.append((interpreter.get_tensor(answer["index"])[0].astype(float) - offset) * step)
    return np.array(found), step


def gradients_of(function, *values):
    """Gradients of the sum of what a function gives, float64 arrays."""
    variables = [tf.constant(value, "float64") for value in values]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        result = tf.reduce_sum(function(*variables))
    return [np.asarray(one) for one in tape.gradient(result, variables)]
