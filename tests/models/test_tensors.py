"""Inputs and outputs of foreign files: which is the image, its layout, where the logits are."""

import numpy as np
import pytest

from keras_kd.models.tensors import Tensor, image_input, layout_of, logits_output


def tensor(*shape, name="x", dtype=np.float32, **quantised):
    return Tensor(name, shape, np.dtype(dtype), **quantised)


@pytest.mark.parametrize(
    ("shape", "channels", "layout"),
    [
        ((None, 3, 224, 224), 3, "nchw"),
        ((1, 224, 224, 3), 3, "nhwc"),
        ((None, 3, None, None), 3, "nchw"),
        ((None, None, None, 3), 3, "nhwc"),
        ((1, 1, 28, 28), 1, "nchw"),
        ((1, 28, 28, 1), 1, "nhwc"),
    ],
)
def test_the_axis_of_the_channels_is_found(shape, channels, layout):
    assert layout_of(tensor(*shape), channels, "", "f") == layout
    assert layout_of(tensor(*shape), channels, layout, "f") == layout


@pytest.mark.parametrize("shape", [(None,) * 4, (1, 3, 8, 3), (1, None, 8, 8), (1, 1, 1, 1)])
def test_what_cannot_be_told_is_asked(shape):
    channels = 1 if shape[-1] == 1 else 3
    with pytest.raises(ValueError, match=r"channels first or last cannot be told .*layout='nchw'"):
        layout_of(tensor(*shape), channels, "", "'f.onnx'")
    for layout in ("nchw", "nhwc"):
        place = {"nchw": shape[1], "nhwc": shape[3]}[layout]
        if place in (None, channels):
            assert layout_of(tensor(*shape), channels, layout, "f") == layout


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"images of 1 channels.*\[any, 3, 8, 8\]"):
        layout_of(tensor(None, 3, 8, 8), 1, "", "'f.onnx'")
    with pytest.raises(ValueError, match=r"has 8 as layout='nhwc' says"):
        layout_of(tensor(None, 3, 8, 8), 3, "nhwc", "'f.onnx'")


def test_one_image_goes_in():
    images = tensor(None, 3, 8, 8, name="image")
    assert image_input([images], "f") is images
    with pytest.raises(ValueError, match=r"2 inputs: image \[any, 3, 8, 8\], mask \[1\]"):
        image_input([images, tensor(1, name="mask")], "'f.onnx'")
    with pytest.raises(ValueError, match=r"four axes.*tokens \[any, 77\]"):
        image_input([tensor(None, 77, name="tokens")], "'f.onnx'")


def test_the_logits_are_found():
    logits, features = tensor(None, 4, name="out"), tensor(None, 512, name="features")
    maps = tensor(None, 8, 8, 4, name="maps")
    assert logits_output([logits], None, "", "f") == (logits, 4)
    assert logits_output([maps, logits], None, "", "f") == (logits, 4)
    assert logits_output([features, logits], 4, "", "f") == (logits, 4)
    assert logits_output([features, logits], 4, "features", "f") == (features, 512)
    named = tensor(None, 4, name="logits")
    assert logits_output([logits, named], 4, "", "f") == (named, 4)
    pixel = tensor(1, 1001, 1, 1, name="pixel")
    assert logits_output([pixel], None, "", "f") == (pixel, 1001)
    assert logits_output([tensor(None, 1, name="z")], 2, "", "f")[1] == 1


def test_outputs_that_are_none_or_many():
    one, two = tensor(None, 4, name="a"), tensor(None, 4, name="b")
    with pytest.raises(ValueError, match=r"'a' \(None, 4\), 'b' \(None, 4\)\. Pass output='a'"):
        logits_output([one, two], 4, "", "'f.onnx'")
    with pytest.raises(ValueError, match=r"output='aa'.*Did you mean 'a'"):
        logits_output([one, two], 4, "aa", "'f.onnx'")
    with pytest.raises(ValueError, match=r"an output of the logits.*maps \[any, 8, 8, 4\]"):
        logits_output([tensor(None, 8, 8, 4, name="maps")], 4, "", "'f.onnx'")


def test_values_are_made_and_read():
    floats = tensor(1, dtype=np.float16)
    assert (
        floats.encode(np.array([0.5], "float32")).dtype == np.float16 and floats.value_range is None
    )
    pixels = tensor(1, dtype=np.uint8)
    np.testing.assert_array_equal(pixels.encode(np.array([-3, 0.4, 254.6, 300])), [0, 0, 255, 255])
    assert pixels.value_range == (0, 255)
    whole = tensor(1, dtype=np.int8, scale=2 / 255, zero_point=-1)
    np.testing.assert_allclose(whole.value_range, (-254 / 255, 256 / 255))
    np.testing.assert_array_equal(whole.encode(np.array([-1.0, 0, 1])), [-128, -1, 127])
    np.testing.assert_allclose(whole.decode(np.array([-128, -1], np.int8)), [-254 / 255, 0])
