"""Any image by its position: sub-splits, and every kind of image as three channels."""

import numpy as np
import pytest
import tensorflow as tf
from image_files import decoded, picture, save
from PIL import Image

from keras_kd.data import load_source


def test_sub_splits_are_parts_of_the_split():
    source = load_source("digits")
    whole, low, high = (source.split(s) for s in ("train", "train[:90%]", "train[90%:]"))
    np.testing.assert_array_equal(np.concatenate([low.ids, high.ids]), whole.ids)
    both = source.split("test+train[:10]")
    np.testing.assert_array_equal(both.ids[500:], whole.ids[:10])


@pytest.mark.parametrize(
    "name,mode,options,tolerance",
    [
        ("a.png", "RGB", {}, 0),
        ("a.png", "RGBA", {}, 0),
        ("a.png", "L", {}, 0),
        ("a.png", "LA", {}, 0),
        ("a.png", "P", {}, 0),
        ("a.bmp", "RGB", {}, 0),
        ("a.gif", "P", {}, 0),
        ("a.webp", "RGB", {"lossless": True}, 0),
        ("a.jpg", "RGB", {"quality": 98, "subsampling": 0}, 6),
        ("a.JPEG", "CMYK", {"quality": 98}, 6),
        ("a.jpg", "L", {"quality": 98}, 6),
        ("png_in_disguise.jpg", "RGB", {"format": "PNG"}, 0),
    ],
)
def test_every_kind_of_image_gets_three_channels(tmp_path, name, mode, options, tolerance):
    save(tmp_path / "train" / "c" / name, mode=mode, **options)
    examples = load_source(f"folder:{tmp_path}").split("train")
    image = decoded(examples, 0).astype(int)
    assert image.shape == (12, 16, 3)
    want = Image.fromarray(picture()).convert(mode).convert("RGB")  # PIL's reading of the mode.
    want = np.asarray(want).astype(int)
    assert np.abs(image - want).max() <= tolerance
    # The crop alone: chroma is interpolated differently at its edges, so JPEG differs a little.
    crop = examples.crop(examples.fetch(tf.constant([0]))[0], tf.constant([2, 3, 5, 7]))
    assert np.abs(crop.numpy() - want[2:7, 3:10]).max() <= 2 * tolerance


def test_sixteen_bit_png(tmp_path):
    grey = picture()[..., 0]
    (tmp_path / "train" / "c").mkdir(parents=True)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "train" / "c" / "a.png")
    image = decoded(load_source(f"folder:{tmp_path}").split("train"), 0)
    np.testing.assert_array_equal(image, grey[..., None].repeat(3, -1))


def test_orientation_in_exif_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Rotate by 90 degrees.
    save(tmp_path / "train" / "c" / "a.jpg", exif=exif)
    assert load_source(f"folder:{tmp_path}").split("train").sizes.tolist() == [[12, 16]]
