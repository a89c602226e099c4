"""timm's 15 changes of rand-m7-mstd0.5-inc1 at timm's strengths, each against Pillow."""

import math

import pillow_changes
import pytest
import tensorflow as tf

from keras_kd.data import changes
from keras_kd.data.ops.randaugment_timm import STRENGTHS, RandaugmentTimm

# timm 1.0, `_RAND_INCREASING_TRANSFORMS` and `LEVEL_TO_ARG`, in its order.
TIMM = {
    "autocontrast": None,
    "equalize": None,
    "invert": None,
    "rotate": lambda level, sign: sign * level / 10 * 30,
    "posterize": lambda level, sign: 4 - int(level / 10 * 4),
    "solarize": lambda level, sign: 256 - min(256, int(level / 10 * 256)),
    "solarize_add": lambda level, sign: min(128, int(level / 10 * 110)),
    "color": lambda level, sign: max(0.1, 1 + sign * level / 10 * 0.9),
    "contrast": lambda level, sign: max(0.1, 1 + sign * level / 10 * 0.9),
    "brightness": lambda level, sign: max(0.1, 1 + sign * level / 10 * 0.9),
    "sharpness": lambda level, sign: max(0.1, 1 + sign * level / 10 * 0.9),
    "shear_x": lambda level, sign: sign * level / 10 * 0.3,
    "shear_y": lambda level, sign: sign * level / 10 * 0.3,
    "translate_x": lambda level, sign: sign * level / 10 * 0.45,
    "translate_y": lambda level, sign: sign * level / 10 * 0.45,
}


def test_its_strengths_are_timms():
    assert list(STRENGTHS) == list(TIMM) and len(STRENGTHS) == 15
    for name, want in TIMM.items():
        for level in (0.0, 0.3, 4.9, 5.0, 7.0, 7.6, 10.0):
            for sign in (1.0, -1.0):
                if want is not None:
                    got = float(STRENGTHS[name](tf.constant(level), sign))
                    assert math.isclose(got, want(level, sign), abs_tol=1e-5), (name, level)


@pytest.mark.parametrize("name", STRENGTHS)
def test_what_it_does_is_pillows(name):
    image = pillow_changes.photograph(32, seed=1)
    which = tf.constant([list(changes.CHANGES).index(name)])
    for level, sign in ((7.3, 1.0), (10.0, -1.0)):
        strength = STRENGTHS[name](tf.constant([level]), sign)
        got = RandaugmentTimm().apply(tf.constant(image), {"which": which, "strength": strength})
        want = pillow_changes.change(name, image, float(strength[0]))
        pillow_changes.assert_close(got, want)


def test_its_defaults_are_the_recipes():
    assert str(RandaugmentTimm()) == "randaugment_timm(2.0,7.0,0.5,0.5)"
