"""A generator: images out of noise."""

import keras

from keras_kd.utils.integers import check_integer

START = 4  # the first maps have this part of the image's side


def generator(output_shape, noise=100, width=64, synchronized=True):
    """Builds the generator of the data-free schemes.

    A dense layer makes maps of a quarter of the side, which two convolutions, each on maps twice
    the size, turn into the image: 2 * width, width and C channels, batch norm between them, tanh at
    the end. The batch norms' epsilon is 1e-5; the public code of DAFL gives 0.8, by a slip of its
    arguments.

    Args:
        output_shape: (height, width, channels) of the images.
        noise: numbers that an image is made of.
        width: channels of the last inner map.
        synchronized: batch norm statistics over all replicas.

    Returns:
        a functional `keras.Model` from `[B, noise]` to float32 images in [-1, 1]. It has no logits
        and is no student.

    Raises:
        ValueError: sizes that are no whole numbers above 0.

    Paper: Chen et al. 2019, arXiv 1904.01186, after Radford et al. 2016, arXiv 1511.06434.
    """
    for name, value in zip(("height", "width", "channels"), output_shape, strict=True):
        check_integer(f"output_shape: {name}", value, 1, advice="Give a size that is known.")
    check_integer("noise", noise, 1)
    check_integer("width", width, 1)
    height, side, channels = output_shape
    norm = {"momentum": 0.9, "epsilon": 1e-5, "synchronized": synchronized}
    small = -(-height // START), -(-side // START)
    x = given = keras.Input((noise,), name="noise")
    x = keras.layers.Dense(small[0] * small[1] * 2 * width, name="maps")(x)
    x = keras.layers.Reshape((*small, 2 * width))(x)
    x = keras.layers.BatchNormalization(**norm)(x)
    for scale in (2, 1):
        x = keras.layers.UpSampling2D(2)(x)
        x = keras.layers.Conv2D(scale * width, 3, padding="same")(x)
        x = keras.layers.BatchNormalization(**norm)(x)
        x = keras.layers.LeakyReLU(0.2)(x)
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    over = x.shape[1] - height, x.shape[2] - side
    x = keras.layers.Cropping2D(((0, over[0]), (0, over[1])))(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(given, image, name="generator")
