"""The SavedModel: the Keras logits, decoding done by hand, and no need of our code to load it."""

import io
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.export import to_saved_model
from keras_kd.export.saved_model import decode_for_evaluation

NAMES = ["tench", "<script>alert(1)</script>", "göteborg & co"]


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def bilinear(image, height, width):
    """Bilinear resizing with half-pixel centres, in float64: the textbook's formula."""
    ys = (np.arange(height) + 0.5) * image.shape[0] / height - 0.5
    xs = (np.arange(width) + 0.5) * image.shape[1] / width - 0.5

    def ends(at, size):
        low = np.floor(at).astype(int)
        return np.clip(low, 0, size - 1), np.clip(low + 1, 0, size - 1), at - low

    top, bottom, dy = ends(ys, image.shape[0])
    left, right, dx = ends(xs, image.shape[1])
    dy, dx = dy[:, None, None], dx[None, :, None]
    image = image.astype(np.float64)
    upper = image[top][:, left] * (1 - dx) + image[top][:, right] * dx
    lower = image[bottom][:, left] * (1 - dx) + image[bottom][:, right] * dx
    return upper * (1 - dy) + lower * dy


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory, batch_norm_net):
    path = tmp_path_factory.mktemp("saved") / "model"
    return path, to_saved_model(batch_norm_net, path, class_names=NAMES)


def test_logits_are_the_keras_logits(saved_model, batch_norm_net, images):
    serve = tf.saved_model.load(str(saved_model[0])).signatures["serving_default"]
    outputs = serve(image=tf.constant(images))
    expected = batch_norm_net(images, training=False).numpy()
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
    exp = np.exp(expected.astype(np.float64))
    np.testing.assert_allclose(
        outputs["probabilities"], exp / exp.sum(-1, keepdims=True), atol=1e-5
    )
    np.testing.assert_array_equal(outputs["class"], expected.argmax(-1))
    names = [name.decode() for name in outputs["class_name"].numpy()]
    assert names == [NAMES[index] for index in expected.argmax(-1)]


def test_bytes_are_cropped_and_resized_as_by_hand(saved_model, batch_norm_net):
    rng = np.random.default_rng(5)
    # Noise at 34 x 50: 7/8 of 34 is 29.75, rounded to 30, from row 2 and column 10.
    pixels = rng.integers(0, 256, (34, 50, 3), dtype=np.uint8)
    cropped = pixels[2:32, 10:40]
    by_hand = (bilinear(cropped, 12, 12) / 127.5 - 1).astype(np.float32)
    expected = batch_norm_net(by_hand[None], training=False).numpy()
    serve = tf.saved_model.load(str(saved_model[0])).signatures["serve_bytes"]
    outputs = serve(bytes=tf.constant([png(pixels), png(pixels[::-1].copy())]))
    np.testing.assert_allclose(outputs["logits"][:1], expected, atol=1e-4)
    assert np.abs(outputs["logits"][1] - expected[0]).max() > 1e-3  # each its own image


def test_full_image_is_not_cropped():
    pixels = np.random.default_rng(6).integers(0, 256, (20, 26, 3), dtype=np.uint8)
    decoded = decode_for_evaluation(png(pixels), (10, 14, 3), full_image=True)
    by_hand = bilinear(pixels, 10, 14) / 127.5 - 1
    np.testing.assert_allclose(decoded, by_hand, atol=1e-5)


def test_grey_and_rgba_files_are_converted():
    grey = np.full((16, 16), 51, np.uint8)
    rgba = np.dstack([np.full((16, 16), value, np.uint8) for value in (255, 0, 51, 7)])
    np.testing.assert_allclose(
        decode_for_evaluation(png(grey), (4, 4, 3)), np.full((4, 4, 3), 51 / 127.5 - 1), atol=1e-6
    )
    np.testing.assert_allclose(
        decode_for_evaluation(png(rgba), (4, 4, 3))[0, 0], [1, -1, 51 / 127.5 - 1], atol=1e-6
    )
    assert decode_for_evaluation(png(grey), (4, 4, 1)).shape == (4, 4, 1)


def test_an_image_of_one_pixel_is_served():
    pixel = np.full((1, 1, 3), 255, np.uint8)
    np.testing.assert_allclose(decode_for_evaluation(png(pixel), (2, 2, 3)), np.ones((2, 2, 3)))


def test_loads_without_our_code(saved_model, images, batch_norm_net, tmp_path):
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        f"served = tf.saved_model.load({str(saved_model[0])!r})\n"
        f"images = tf.constant(np.load({str(tmp_path / 'images.npy')!r}))\n"
        "logits = served.signatures['serving_default'](image=images)['logits'].numpy()\n"
        f"np.save({str(tmp_path / 'logits.npy')!r}, logits)\n"
        "sys.exit('keras_kd' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    expected = batch_norm_net(images, training=False).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-4)


def test_names_lie_in_the_folder_and_only_the_student_does(saved_model, batch_norm_net):
    path, result = saved_model
    assert result["signatures"] == ["serve_bytes", "serving_default"]
    assert result["bytes"] == sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    notes = json.loads((path / "assets.extra" / "keras_kd.json").read_text(encoding="utf-8"))
    assert notes["class_names"] == NAMES and notes["input_range"] == [-1, 1]
    assert notes["input_shape"] == [None, 12, 12, 3]
    listing = (path / "assets" / "class_names.txt").read_text(encoding="utf-8")
    assert listing.splitlines() == NAMES
    stored = [
        shape
        for name, shape in tf.train.list_variables(str(path / "variables" / "variables"))
        if name.startswith("student_variables")
    ]
    # Weights alone: the seed of the dropout layer stays behind.
    expected = [list(weight.shape) for weight in batch_norm_net.weights]
    assert sorted(stored) == sorted(expected)


def test_four_channels_are_served_as_tensors_only(tmp_path):
    image = keras.Input((4, 4, 4))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    result = to_saved_model(model, tmp_path / "m")
    assert result["signatures"] == ["serving_default"]
    outputs = tf.saved_model.load(str(tmp_path / "m")).signatures["serving_default"]
    assert sorted(outputs.structured_outputs) == ["class", "logits", "probabilities"]


def test_mistakes_are_named(tmp_path, batch_norm_net):
    with pytest.raises(ValueError, match=r"Expected 3 class names.*\(2 names\)"):
        to_saved_model(batch_norm_net, tmp_path / "m", class_names=["a", "b"])
    with pytest.raises(ValueError, match="Received: resolution=13"):
        to_saved_model(batch_norm_net, tmp_path / "m", resolution=13)
    with pytest.raises(ValueError, match="Received: exif='yes'"):
        to_saved_model(batch_norm_net, tmp_path / "m", exif="yes")
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    with pytest.raises(ValueError, match="Give `resolution` in pixels"):
        to_saved_model(keras.Model(image, keras.layers.Dense(2)(pooled)), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_previous_folder(tmp_path, batch_norm_net, monkeypatch):
    path = tmp_path / "m"
    path.mkdir()
    (path / "keep").write_text("old")

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        to_saved_model(batch_norm_net, path)
    assert (path / "keep").read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "box", [{}, {"scale": 1.25}, {"full_image": True}], ids=["central", "scaled", "whole"]
)
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_served_file_is_the_evaluated_image_to_the_bit(tmp_path, ending, box):
    """Chroma-subsampled JPEGs too, where decoding all and then cutting gives other edges."""
    from PIL import Image

    from keras_kd import data
    from keras_kd.export.saved_model import decode_for_evaluation

    pixels = np.random.default_rng(0).integers(0, 255, (53, 77, 3), "uint8")
    for split in ("train", "test"):
        for name in ("a", "b"):
            path = tmp_path / split / name / f"0.{ending}"
            path.parent.mkdir(parents=True)
            Image.fromarray(pixels).save(path)
    source = f"folder:{tmp_path}"
    images, _ = next(iter(data.evaluation_dataset(source, "test", 1, 16, **box)))
    served = decode_for_evaluation(tf.constant(path.read_bytes()), (16, 16, 3), **box)
    np.testing.assert_array_equal(images[0], served)
