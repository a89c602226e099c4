"""Bytes that are served show what was evaluated, at every size; and a fault would be seen."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.export import bitmaps, to_saved_model
from keras_kd.export.served_bytes import SIDES, compare_bytes


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory, batch_norm_net):
    path = tmp_path_factory.mktemp("bytes") / "model"
    to_saved_model(batch_norm_net, path, scale=1.25)
    return path


@pytest.mark.parametrize("exif", ["ignore", "apply"])
def test_all_sizes_are_the_evaluated_ones(tmp_path, batch_norm_net, exif):
    to_saved_model(batch_norm_net, tmp_path / "model", exif=exif)
    told = compare_bytes(tmp_path / "model")
    assert told["examples"] == len(SIDES) and told["agreement"] == 1.0
    assert told["max_abs_logit_difference"] < 1e-5


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """The SavedModel of a student that sees greys."""
    image = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(6, 3, strides=2)(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    path = tmp_path_factory.mktemp("grey") / "model"
    to_saved_model(model, path, scale=1.25)
    return path


def test_grey_students_are_compared_too(grey):
    told = compare_bytes(grey)
    assert told["examples"] == len(SIDES) and told["agreement"] == 1.0
    assert told["max_abs_logit_difference"] < 1e-5


def test_a_palette_that_is_passed_over_is_seen(tmp_path, batch_norm_net, monkeypatch):
    monkeypatch.setattr(bitmaps, "PALETTE", 0)
    to_saved_model(batch_norm_net, tmp_path / "model")
    assert compare_bytes(tmp_path / "model")["max_abs_logit_difference"] > 1e-3


def test_bytes_are_resized_by_the_evaluations_kernel(tmp_path, batch_norm_net):
    to_saved_model(batch_norm_net, tmp_path / "model", resize="bicubic_antialias")
    told = compare_bytes(tmp_path / "model")
    assert told["agreement"] == 1.0 and told["max_abs_logit_difference"] < 1e-5
    with pytest.raises(ValueError, match=r"resize must be one of bilinear, .*'pillow_bicubic'"):
        to_saved_model(batch_norm_net, tmp_path / "model", resize="pillow_bicubic")


def test_a_modality_is_made_of_the_bytes(tmp_path, batch_norm_net):
    to_saved_model(batch_norm_net, tmp_path / "model", view="gray|lowres:3")
    told = compare_bytes(tmp_path / "model")
    assert told["agreement"] == 1.0 and told["max_abs_logit_difference"] < 1e-5


@pytest.mark.parametrize(
    "other", [{"scale": 2.0}, {"exif": "apply"}, {"full_image": True}, {"view": "gray"}]
)
def test_another_preparation_is_seen(saved_model, other):
    """The notes say what the graph does not do."""
    path = saved_model / "assets.extra" / "keras_kd.json"
    notes = path.read_text()
    path.write_text(json.dumps(json.loads(notes) | other))
    try:
        assert compare_bytes(saved_model)["max_abs_logit_difference"] > 1e-3
    finally:
        path.write_text(notes)


def test_a_broken_image_is_named_and_the_others_are_answered(saved_model):
    serve = tf.saved_model.load(str(saved_model)).signatures["serve_bytes"]
    rng = np.random.default_rng(0)
    good = [tf.io.encode_png(rng.integers(0, 256, (20, 30, 3), np.uint8)).numpy() for _ in range(2)]
    jpeg = tf.io.encode_jpeg(rng.integers(0, 256, (40, 40, 3), np.uint8)).numpy()
    batch = [good[0], b"no image", jpeg[: len(jpeg) // 3], good[1], b""]
    told = serve(bytes=tf.constant(batch))
    assert told["ok"].numpy().tolist() == [True, False, False, True, False]
    errors = [error.decode() for error in told["error"].numpy()]
    assert errors[0] == errors[3] == "" and errors[1].startswith("image 1 is no whole JPEG")
    assert told["class"].numpy()[[1, 2, 4]].tolist() == [-1, -1, -1]
    np.testing.assert_array_equal(told["probabilities"].numpy()[1], 0)
    alone = serve(bytes=tf.constant(good))
    np.testing.assert_allclose(told["logits"].numpy()[[0, 3]], alone["logits"], atol=1e-5)
    nothing = serve(bytes=tf.constant([b"x", b"y"]))
    assert not nothing["ok"].numpy().any()
