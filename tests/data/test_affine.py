"""Moved images against Pillow, within a level; crops of other shapes against the square."""

import numpy as np
import pillow_changes
import pytest
import tensorflow as tf

from keras_kd.data import affine

STRENGTHS = {
    "rotate": (-30.0, 3.3, 21.0),
    **dict.fromkeys(("shear_x", "shear_y"), (-0.3, 0.21)),
    **dict.fromkeys(("translate_x", "translate_y"), (-0.45, 0.25)),
}
CASES = [(name, strength) for name, strengths in STRENGTHS.items() for strength in strengths]


@pytest.mark.parametrize("name,strength", CASES)
def test_it_is_pillows(name, strength):
    for channels, side in ((3, 33), (1, 64)):
        image = pillow_changes.photograph(side, channels)
        got = getattr(affine, name)(tf.constant(image), tf.constant(strength))
        pillow_changes.assert_close(got, pillow_changes.change(name, image, strength))


@pytest.mark.parametrize("name,strength", CASES)
def test_a_crop_that_is_no_square_is_moved_as_the_square_that_it_becomes(name, strength):
    """Wide and then made square, or made square and then moved: the same but for interpolation."""
    square = pillow_changes.photograph(48)
    wide = tf.cast(tf.image.resize(square, (48, 96)), tf.uint8)
    got = tf.image.resize(getattr(affine, name)(wide, strength), (48, 48), antialias=True)
    want = np.float32(getattr(affine, name)(tf.constant(square), strength))
    inner = np.abs(got - want)[4:-4, 4:-4]
    assert np.median(inner) < 1.5 and np.mean(inner > 20) < 0.03  # the rim of the grey


def test_nothing_moves_by_nothing():
    image = pillow_changes.photograph(9, width=14)
    for name in STRENGTHS:
        np.testing.assert_array_equal(getattr(affine, name)(tf.constant(image), 0.0), image)


def test_what_comes_from_outside_is_grey():
    image = np.zeros((8, 8, 3), np.uint8)
    moved = affine.translate_x(tf.constant(image), 0.25).numpy()
    assert (moved[:, 6:] == 128).all() and (moved[:, :6] == 0).all()
