"""The paper's 14 changes at torchvision's strengths, each against Pillow."""

import pillow_changes
import pytest
import tensorflow as tf

from keras_kd.data import changes
from keras_kd.data.ops.randaugment import STRENGTHS, Randaugment

# torchvision 0.20, `RandAugment._augmentation_space`, at bin 21 of 0 to 30 (7 of 10), by hand; the
# second column is of the other sign.
TORCHVISION = {
    "identity": None,
    "shear_x": (0.21, -0.21),
    "shear_y": (0.21, -0.21),
    "translate_x": (0.3172205, -0.3172205),  # 150 / 331 of the width, times 0.7
    "translate_y": (0.3172205, -0.3172205),
    "rotate": (21.0, -21.0),
    "brightness": (1.63, 0.37),
    "color": (1.63, 0.37),
    "contrast": (1.63, 0.37),
    "sharpness": (1.63, 0.37),
    "posterize": (5, 5),  # 8 - round(21 / 7.5)
    "solarize": (76.5, 76.5),  # the 22nd of 31 numbers from 255 to 0
    "autocontrast": None,
    "equalize": None,
}


def test_its_strengths_are_torchvisions():
    assert list(STRENGTHS) == list(TORCHVISION) and len(STRENGTHS) == 14
    for name, want in TORCHVISION.items():
        if want is not None:
            got = [float(STRENGTHS[name](tf.constant(7.0), sign)) for sign in (1.0, -1.0)]
            assert got == pytest.approx(want, abs=1e-5), name


@pytest.mark.parametrize("name", STRENGTHS)
def test_what_it_does_is_pillows(name):
    image = pillow_changes.photograph(32)
    which = tf.constant([list(changes.CHANGES).index(name)])
    for sign in (1.0, -1.0):
        strength = STRENGTHS[name](tf.constant([7.0]), sign)
        got = Randaugment().apply(tf.constant(image), {"which": which, "strength": strength})
        want = pillow_changes.change(name, image, float(strength[0]))
        pillow_changes.assert_close(got, want)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 7), r"count of randaugment .* whole, at least 1 and at most 16\. Received: count=0"),
        ((1.5, 7), r"count of randaugment .* whole"),
        ((2, 11), r"magnitude of randaugment .* at most 10\. Received: magnitude=11"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Randaugment(*arguments)
