"""A network with a group norm, and images of contrasts from faint to strong."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def norm_net():
    """(model, images, its logits)."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="first")(image)
    x = keras.layers.GroupNormalization(4, name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(image, keras.layers.Dense(4, name="head")(x))
    rng = np.random.default_rng(0)
    contrast = np.geomspace(0.02, 1, 64)[:, None, None, None]
    images = (rng.uniform(-1, 1, (64, 12, 12, 3)) * contrast).astype(np.float32)
    kernel = rng.normal(size=(8, 4))
    model.get_layer("head").set_weights([kernel, np.zeros(4)])
    middle = -model(images).numpy().mean(0)  # all classes occur
    model.get_layer("head").set_weights([kernel, middle])
    return model, images, model(images).numpy()
