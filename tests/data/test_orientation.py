"""Images that a camera stored on their side, against what Pillow makes of them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from image_files import picture, save
from PIL import Image, ImageOps

from keras_kd.data import FixedViews, build_dataset, evaluation_dataset, load_source
from keras_kd.data.orientation import orientation_of, stored_box, turned, turns, upright_sizes

ORIENTATIONS = range(1, 9)


def tagged(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """One picture in each orientation, lossless; with an untagged one in front."""
    root = tmp_path_factory.mktemp("camera")
    for orientation in ORIENTATIONS:
        save(root / "train" / "c" / f"{orientation}.png", picture(9, 14), exif=tagged(orientation))
    save(root / "train" / "c" / "plain.png", picture(9, 14))
    return root


def upright(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_box_of_the_upright_image_is_cut_out_of_the_stored_one(orientation):
    stored = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    png = io.BytesIO()
    Image.fromarray(stored).save(png, "PNG", exif=tagged(orientation))
    with Image.open(png) as image:
        want = np.asarray(ImageOps.exif_transpose(image))
    assert orientation_of(png.getvalue()) == orientation
    sizes = upright_sizes(np.array([[9, 14]]), np.array([orientation]))
    np.testing.assert_array_equal(sizes[0], want.shape[:2])
    (turn,) = tf.constant(turns(sizes, np.array([orientation])))

    @tf.function(autograph=False)
    def cut(box):
        top, left, height, width = tf.unstack(stored_box(box, turn))
        return turned(tf.constant(stored)[top : top + height, left : left + width], turn)

    for box in ([0, 0, *want.shape[:2]], [1, 2, 5, 3], [2, 0, 1, 7], [4, 3, 4, 6]):
        top, left, height, width = box
        expected = want[top : top + height, left : left + width]
        np.testing.assert_array_equal(cut(tf.constant(box)), expected)


def test_sizes_crops_and_evaluation_are_those_of_upright_images(camera):
    source = load_source(f"folder:{camera}", exif="apply")
    examples = source.split("train")
    paths = [examples.store.paths[index] for index in examples.store.file_index]
    want = [upright(path) for path in paths]
    assert examples.num_lying == 7 and examples.turned
    np.testing.assert_array_equal(examples.sizes, [image.shape[:2] for image in want])
    plain = load_source_of(want, camera.parent / "upright")
    for options in ({"full_image": True}, {"scale": 1.25}):
        got, same = (
            next(iter(evaluation_dataset(one, "train", 9, 6, **options)))[0].numpy()
            for one in (source, plain)
        )
        np.testing.assert_allclose(got, same, atol=1e-6)


def load_source_of(images, root):
    """The same images, stored upright, in the order of the examples."""
    for index, image in enumerate(images):
        save(root / "train" / "c" / f"{index}.png", image)
    source = load_source(f"folder:{root}")
    examples = source.split("train")
    names = [examples.store.paths[index] for index in examples.store.file_index]
    order = np.argsort([int(name.rpartition("/")[2][:-4]) for name in names])
    source._cache["train"] = examples.take(order)
    return source


@pytest.mark.parametrize("mode", ["ind/ic", "mix"])
def test_training_and_fixed_views_show_upright_images(camera, tmp_path, mode):
    source = load_source(f"folder:{camera}", exif="apply")
    examples = source.split("train")
    paths = [examples.store.paths[index] for index in examples.store.file_index]
    plain = load_source_of([upright(path) for path in paths], tmp_path)
    for step in (0, 3):
        one, two = (
            next(iter(build_dataset(each, "train", mode, 9, 8, start_step=step)))
            for each in (source, plain)
        )
        for got, want in zip(tf.nest.flatten(one), tf.nest.flatten(two)):
            np.testing.assert_allclose(got, want, atol=1e-6)
    got, want = (FixedViews(each, "train", "fix/cc", 8).at(range(9)) for each in (source, plain))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_a_jpeg_is_cropped_where_it_lies(tmp_path):
    big = np.asarray(Image.fromarray(picture(12, 20)).resize((160, 96), Image.BICUBIC))
    for orientation in ORIENTATIONS:
        path = tmp_path / "train" / "c" / f"{orientation}.jpg"
        save(path, big, quality=97, subsampling=0, exif=tagged(orientation))
    examples = load_source(f"folder:{tmp_path}", exif="apply").split("train")
    box = [16, 24, 33, 50]
    for index, item in enumerate(examples.fetch(tf.range(8))):
        want = upright(examples.store.paths[examples.store.file_index[index]])
        got = examples.crop(item, tf.constant(box), examples.turns(tf.constant([index]))[0])
        assert np.abs(got.numpy() - want[16:49, 24:74].astype(int)).max() <= 6


def test_ignored_or_upright_images_cost_no_operation(camera, tmp_path):
    as_stored = load_source(f"folder:{camera}").split("train")
    assert as_stored.num_lying == 7 and not as_stored.turned and as_stored.turns([0]) is None
    assert set(map(tuple, as_stored.sizes)) == {(9, 14)}
    save(tmp_path / "train" / "c" / "a.jpg")
    plain = load_source(f"folder:{tmp_path}", exif="apply").split("train")
    assert plain.num_lying == 0 and plain.turns([0]) is None


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_nonsense_is_upright(value):
    png = io.BytesIO()
    Image.fromarray(picture()).save(png, "PNG", exif=tagged(value))
    assert orientation_of(png.getvalue()) == 1
    assert orientation_of(b"\xff\xd8\xff Exif broken") == 1


def test_a_mistyped_wish_is_refused():
    with pytest.raises(ValueError, match=r"data\.exif must be one of ignore, apply.*'aply'.*apply"):
        load_source("digits", exif="aply")
