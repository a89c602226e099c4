"""Pixel values that networks expect: told in one way, and made of images in [-1, 1]."""

import keras
import numpy as np
import pytest

from keras_kd.models.pixels import Pixels, check_normalization, normalize, pixels_of

# torchvision's documentation: mean and std of ImageNet, red, green, blue.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("imagenet", IMAGENET),
        (IMAGENET, IMAGENET),
        ("(0.5, 0.5, 0.5), (0.25, 0.25, 0.25)", ((0.5,) * 3, (0.25,) * 3)),
        ([[0], [1]], ((0.0,), (1.0,))),
    ],
)
def test_what_may_be_told(value, expected):
    assert check_normalization(value) == expected


@pytest.mark.parametrize(
    "value",
    ["imagenett", "", "1, 2", (1, 2), ((0.5,), (0.5, 0.5)), ((0.5,), (0,)), ((), ()),
     ((float("nan"),), (1,)), ("a", "b"), 3, "__import__('os')"],
)  # fmt: skip
def test_what_may_not(value):
    with pytest.raises(ValueError, match=r"normalization must be one of imagenet, or the means"):
        check_normalization(value)


def test_one_of_two_is_told():
    assert not pixels_of() and pixels_of() == Pixels() and pixels_of().are_ours
    assert pixels_of((-1, 1)) and pixels_of((-1, 1)).are_ours
    assert not pixels_of((0, 1)).are_ours and not pixels_of(None, "imagenet").are_ours
    with pytest.raises(ValueError, match="Leave one of them out"):
        pixels_of((0, 1), "imagenet")
    with pytest.raises(ValueError, match="input_range must be two numbers"):
        pixels_of((1, 0))


def test_values():
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 3)).astype("float32")
    inputs = keras.Input((4, 4, 3))

    def converted(pixels):
        return keras.Model(inputs, pixels.convert(inputs, "to_range"))(x)

    expected = ((x.astype("float64") + 1) / 2 - IMAGENET[0]) / IMAGENET[1]
    np.testing.assert_allclose(converted(pixels_of(None, "imagenet")), expected, atol=1e-6)
    expected = (x.astype("float64") + 1) / 2 * 255
    np.testing.assert_allclose(converted(pixels_of((0, 255))), expected, atol=1e-4)
    assert pixels_of().convert(inputs, "to_range") is inputs


def test_a_number_for_each_channel():
    with pytest.raises(ValueError, match="each of the 1 channels"):
        normalize(keras.Input((4, 4, 1)), IMAGENET, "to_range")
