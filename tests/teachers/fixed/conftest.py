"""A tiny teacher, and a file of its targets."""

import shutil
from pathlib import Path

import keras
import pytest
from tiny_fixed import views_of

from keras_kd.teachers import fixed_targets


@pytest.fixture(scope="module")
def teacher():
    keras.utils.set_random_seed(1)
    images = keras.Input((8, 8, 1))
    x = keras.layers.Dense(10, kernel_initializer="random_normal")(keras.layers.Flatten()(images))
    model = keras.Model(images, x)
    model.layers[-1].kernel.assign(20 * model.layers[-1].kernel)  # answers that are not all alike
    return model


@pytest.fixture(scope="module")
def computed(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("computed") / "t.npz"
    fixed_targets(teacher, views_of(), path, 8)
    return path


@pytest.fixture
def stored(computed, tmp_path):
    """A file of targets, to do with as one likes."""
    return Path(shutil.copy(computed, tmp_path))
