"""Small TFLite files of one network: float, and quantised with whole numbers at both ends."""

import keras
import numpy as np
import tensorflow as tf

CLASSES = 4


def network(batch=None):
    """A convolution, a mean and a classifier on 8 px."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((8, 8, 3), batch_size=batch, name="image")
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    logits = keras.layers.Dense(CLASSES, kernel_initializer="normal", name="logits")(x)
    model = keras.Model(inputs, logits)
    model.layers[-1].kernel.assign(30 * model.layers[-1].kernel)
    return model


def ending_in(function, scale=1.0):
    """`network` with a function of TensorFlow on its logits, as `write` takes it.

    Args:
        function: of logits `[B, K]` to an answer, or to a dict of answers.
        scale: factor of the logits.
    """
    model = network()
    return lambda image, training=False: function(scale * model(image, training=training))


def write(path, model, type_=None, batch=None):
    """Writes a file of the model.

    Args:
        path: of the file.
        model: Keras model from images in [-1, 1], 8 px.
        type_: of its quantised input and output, such as tf.int8; None: a float file.
        batch: of its input; None: left open.

    Returns:
        str.
    """
    spec = tf.TensorSpec((batch, 8, 8, 3), tf.float32, name="image")
    function = tf.function(lambda image: model(image, training=False), input_signature=[spec])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if type_ is not None:
        rng = np.random.default_rng(0)
        shown = [rng.uniform(-1, 1, (batch or 1, 8, 8, 3)).astype("float32") for _ in range(16)]
        shown.append(np.where(np.arange(3) > 1, 1.0, -1.0) * np.ones((batch or 1, 8, 8, 3)))
        converter.representative_dataset = lambda: ([one.astype("float32")] for one in shown)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = type_
    with open(path, "wb") as file:
        file.write(converter.convert())
    return str(path)
