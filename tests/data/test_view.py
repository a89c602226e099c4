"""One model's view: its parts, its text, what it draws, and what cannot stand in it."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data.ops.base import FloatOp
from keras_kd.data.ops.flip import Flip
from keras_kd.data.ops.inception_crop import InceptionCrop
from keras_kd.data.ops.whole_image import WholeImage
from keras_kd.data.random_streams import stream_seed, uniform
from keras_kd.data.view import View, parse_mixer


def test_the_whole_image_where_no_crop_is_named():
    assert View.parse("flip") == View.parse("whole_image|flip") == View(WholeImage(), (Flip(),))


def test_the_text_of_a_view_makes_an_equal_one():
    view = View.parse("inception_crop(0.2,0.9,0.5,2)|flip")
    assert view == View(InceptionCrop(0.2, 0.9, 0.5, 2.0), (Flip(),))
    assert View.parse(str(view)) == view
    assert view.random and not View.parse("central_crop").random


def test_each_op_draws_from_its_own_stream_of_the_role():
    sizes = tf.constant([[10, 20]] * 50)
    drawn = View.parse("random_crop(2)|flip").draw("teacher", sizes, 3, 7)
    boxes, flips = drawn["pixels"]
    draws = uniform([50, 2], stream_seed(3, "teacher crop", 7)).numpy()
    np.testing.assert_array_equal(boxes[:, 0], np.floor(draws[:, 0] * np.float32(6)))
    np.testing.assert_array_equal(boxes[:, 1], np.floor(draws[:, 1] * np.float32(16)))
    np.testing.assert_array_equal(flips, uniform([50], stream_seed(3, "teacher flip", 7)) < 0.5)


@pytest.mark.parametrize(
    "text,message",
    [
        ("mixup(1)", r"student must hold ops on one image.*write mix='mixup\(1\.0\)'"),
        ("random_crop|inception_crop", r"student must hold one crop at most\. Received: student="),
        ("random_crop|flip|flip", r"student must hold flip once at most"),
        ("flip|random_crop(2)", r"the crop first.*Write 'random_crop\(2\.0\)\|flip'"),
    ],
)
def test_what_cannot_stand_in_a_view_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        View.parse(text, "student")


@pytest.mark.parametrize("text", ["flip", "random_crop", "mixup|mixup", "mixup(1)|flip"])
def test_a_mixer_is_one_mixer(text):
    with pytest.raises(ValueError, match=r"config\.distil\.mix must be one mixer.*Received: confi"):
        parse_mixer(text, "config.distil.mix")


def test_an_op_of_the_folder_tomorrow_needs_nothing_else(monkeypatch):
    """An op on floats, with draws that are a dict: it goes through the pipeline as it is."""
    from keras_kd.data import build_dataset, load_source
    from keras_kd.data.views import Views

    class Shade(FloatOp):
        name, stream, random = "shade", "shade", True

        def draw(self, sizes, stream):
            return {
                "by": uniform(tf.shape(sizes)[:1], stream.key()),
                "sign": tf.ones(tf.shape(sizes)[:1]),
            }

        def apply(self, image, drawn):
            return image * drawn["by"] * drawn["sign"]

    source = load_source("digits")
    plain, shaded = Views("whole_image"), Views(View(WholeImage(), (), (Shade(),)))
    for side in (None, 12):
        options = {"teacher_resolution": side, "start_step": 4, "num_steps": 1}
        ((x, _),) = build_dataset(source, "train", plain, 70, 8, 5, **options)
        ((got, _),) = build_dataset(source, "train", shaded, 70, 8, 5, **options)
        by = uniform([70], stream_seed(5, "student shade", 4)).numpy()[:, None, None, None]
        for one, other in zip(tf.nest.flatten(x), tf.nest.flatten(got), strict=True):
            np.testing.assert_allclose(other, by * one, atol=1e-6)
