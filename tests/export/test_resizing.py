"""Answers under other ways to resize: images made so that it is known what each way sees."""

import types

import keras
import numpy as np
import pytest

from keras_kd.data.examples import ArrayStore, Examples
from keras_kd.export import resizing

SIDE = 16


@pytest.fixture(scope="module")
def material():
    """Stripes and even images of 48 px, and a student that tells light from dark by the mean."""
    stripes = np.zeros((48, 48, 3), np.uint8)
    stripes[1::3, 1::3] = 255  # the very pixels that lie at the centres of 16 px
    light, dark = (np.full((48, 48, 3), value, np.uint8) for value in (200, 20))
    images = np.stack([stripes, light, dark, light])
    examples = Examples(
        labels=np.array([1, 1, 0, 0], np.int32),
        sizes=np.full((4, 2), 48, np.int32),
        ids=np.arange(4),
        channels=3,
        store=ArrayStore(images),
    )
    image = keras.Input((SIDE, SIDE, 3))
    mean = keras.layers.Flatten()(keras.layers.AveragePooling2D(SIDE)(image))
    logits = keras.layers.Dense(2, use_bias=False)
    student = keras.Model(image, logits(mean))
    logits.set_weights([np.array([[-1, 1]] * 3, np.float32)])
    return types.SimpleNamespace(
        source=types.SimpleNamespace(split=lambda name: examples),
        split="test",
        student=student,
        resolution=SIDE,
        full_image=True,
        scale=1.0,
    )


def test_what_falls_between_pixels_shows(material):
    """Without smoothing the stripes are white; Pillow sees a ninth of it and calls them dark."""
    found = resizing.compare_resizing(material)
    assert found["examples"] == 4
    told = {kind["name"].split(" (")[0]: kind for kind in found["kinds"]}
    first = told.pop("TensorFlow bilinear, as evaluated")
    assert first["agreement"] == 1.0 and first["accuracy"] == 3 / 4
    assert set(told) == {"Pillow bilinear", "Pillow bicubic"}
    for kind in told.values():
        assert kind["agreement"] == 3 / 4 and kind["accuracy"] == 2 / 4


def test_even_images_are_the_same_however_resized():
    for kind in resizing.kinds_of(7).values():
        for channels in (1, 3):
            even = kind(np.full((20, 20, channels), 51, np.uint8))
            assert even.shape == (7, 7, channels)
            np.testing.assert_allclose(even, 51 / 127.5 - 1, atol=1e-6)
