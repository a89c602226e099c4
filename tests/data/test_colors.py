"""Changes of colours against Pillow, equal to the byte; hues against `colorsys`."""

import colorsys

import numpy as np
import pillow_changes
import pytest
import tensorflow as tf

from keras_kd.data import colors

FACTORS = (0.0, 0.1, 0.37, 1.0, 1.63, 1.9)
STRENGTHS = {
    **dict.fromkeys(("autocontrast", "equalize", "invert"), (None,)),
    **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), FACTORS),
    "posterize": (0, 1, 2, 4, 8),
    "solarize": (0, 76.5, 77, 255, 256),
    "solarize_add": (0, 77, 110),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", STRENGTHS)
def test_it_is_pillows(name, channels):
    images = [pillow_changes.photograph(24, channels, width=17)]
    images += [np.full((3, 3, channels), 77, np.uint8)]  # nothing to stretch
    images += [np.random.default_rng(1).integers(0, 256, (1, 2, channels), np.uint8)]
    for image in images:
        for strength in STRENGTHS[name]:
            more = () if strength is None else (tf.constant(strength, tf.float32),)
            got = getattr(colors, name)(tf.constant(image), *more)
            want = pillow_changes.change(name, image, strength)
            np.testing.assert_array_equal(got, want, err_msg=f"{image.shape} {strength}")


def test_grayscale_is_pillows_luma():
    image = pillow_changes.photograph(16)
    want = pillow_changes.change("color", image, 0.0)
    np.testing.assert_array_equal(colors.grayscale(tf.constant(image)), want)


@pytest.mark.parametrize("shift", [-0.5, -0.1, 0.0, 0.2])
def test_hues_turn_as_in_colorsys(shift):
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    want = []
    for pixel in image.reshape(-1, 3) / 255.0:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        want.append(colorsys.hsv_to_rgb((hue + shift) % 1.0, saturation, value))
    want = np.round(np.array(want) * 255).reshape(image.shape)
    pillow_changes.assert_close(colors.hue(tf.constant(image), shift), want)


def test_a_grey_image_has_no_colour():
    image = pillow_changes.photograph(5, 1)
    np.testing.assert_array_equal(colors.hue(tf.constant(image), 0.3), image)
    np.testing.assert_array_equal(colors.color(tf.constant(image), 0.3), image)
