"""Vision transformers: published sizes, a NumPy forward, their taps, and what cannot be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from token_networks import IMAGE, VIT, Forward, images, tiny

from keras_kd import models
from keras_kd.models.flops import flops, size_without_weights
from keras_kd.models.taps import tap_names, tapped


@pytest.mark.parametrize(
    ("variant", "count"), [("Ti", 5_717_416), ("S", 22_050_664), ("B", 86_567_656)]
)
def test_published_parameter_counts(variant, count):
    # Of 16-pixel patches at 224 px and 1,000 classes.
    assert size_without_weights(lambda: models.vit(variant)).parameters == count


def test_parameters_by_hand():
    model = models.vit("Ti", distillation=True)
    block = 4 * (192 * 192 + 192) + 192 * 768 + 768 + 768 * 192 + 192 + 4 * 192
    embedding = 16 * 16 * 3 * 192 + 192 + 2 * 192 + (196 + 2) * 192
    # DeiT-Ti, distilled: 5.9 M.
    assert model.count_params() == embedding + 12 * block + 2 * 192 + 2 * (192 * 1000 + 1000)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pooling": "gap"},
        {"distillation": True},
        {"approximate": False},
    ],
    ids=str,
)
def test_it_is_the_paper_s_network(options):
    model = tiny("vit", **options)
    logits, _ = Forward(model, options.get("approximate", True)).vit(images(), VIT["heads"])
    np.testing.assert_allclose(model(images()), logits, rtol=1e-5, atol=1e-5)
    assert np.std(logits) > 0.1


def test_taps_are_tokens_and_maps():
    model = tiny("vit", distillation=True)
    names = tap_names(model)
    assert names.index("block2_map") == names.index("block2") + 1
    taps = ["stem", "block2", "block2_map", "block3_query", "logits_distilled"]
    found = tapped(model, taps)(images())
    _, blocks = Forward(model).vit(images(), VIT["heads"])
    np.testing.assert_allclose(found["block2"], blocks["block2"], rtol=1e-4, atol=1e-4)
    folded = blocks["block2"][:, 2:].reshape(2, 2, 3, 12)
    np.testing.assert_allclose(found["block2_map"], folded, rtol=1e-4, atol=1e-4)
    assert found["stem"].shape == (2, 2, 3, 12) and found["block3_query"].shape == (2, 8, 12)
    assert found["logits_distilled"].shape == (2, 5)
    with pytest.raises(ValueError, match="Did you mean 'block3_map'"):
        tapped(model, ["block4_map"])


def test_taps_of_one_that_stands_within_another():
    inner = tiny("vit")
    x = keras.Input(IMAGE)
    outer = keras.Model(x, inner(x, training=False))
    found = tapped(outer, ["block1_map", "vit/block1"])(images())
    np.testing.assert_array_equal(
        found["block1_map"], np.reshape(found["vit/block1"][:, 1:], (2, 2, 3, 12))
    )


def test_dropout_is_of_training_alone():
    model = tiny("vit", dropout=0.5)
    plain = tiny("vit")
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(images()), plain(images()), rtol=1e-6)
    assert np.abs(model(images(), training=True) - plain(images())).max() > 1e-3


def test_a_saved_network_is_the_same(tmp_path):
    model = tiny("vit", distillation=True, approximate=False)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(images()), model(images()))
    assert tap_names(again) == tap_names(model)


def test_half_precision_and_xla():
    model = tiny("vit")
    expected = np.asarray(model(images()))
    compiled = tf.function(lambda x: model(x), jit_compile=True)
    np.testing.assert_allclose(compiled(images()), expected, rtol=1e-4, atol=1e-4)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = tiny("vit")
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    assert half.output.dtype == "float32"
    assert half.get_layer("block1").output.dtype == "float16"
    np.testing.assert_allclose(half(images()), expected, rtol=0.02, atol=0.02)


def test_attention_counts_in_flops():
    model = tiny("vit")
    tokens, width, hidden = 7, 12, 20
    block = 4 * tokens * width**2 + 2 * tokens**2 * width + 2 * tokens * width * hidden
    by_hand = 6 * 4 * 4 * 3 * width + 3 * block + width * 5
    assert flops(model) == 2 * by_hand


def test_wrappers_that_know_no_tokens_name_the_layer():
    model = tiny("vit")
    with pytest.raises(ValueError, match="Received: layer 'class_tokens' of type ClassTokens"):
        models.shrink(model, 0.5, input_shape=IMAGE)
    with pytest.raises(ValueError, match="layer 'class_tokens' of type ClassTokens, whose tokens"):
        models.quantize_aware(model, input_shape=IMAGE, images=images(8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 5}, r"patch must divide.*Received: patch=5, .*one of \[2, 4\] pixels"),
        ({"patch": 0}, "patch must be a whole number of at least 1. Received: patch=0"),
        ({"heads": 5}, "multiple of heads. Received: width=12, heads=5. Take width=10"),
        ({"depth": 0}, "depth must be a whole number of at least 1"),
        ({"variant": "X"}, "variant must be one of .*Received: variant='X'"),
        ({"pooling": "map"}, "pooling must be one of .*Received: pooling='map'"),
        ({"pooling": "gap", "distillation": True}, "beside the class token"),
        ({"dropout": 1.0}, "dropout must be a fraction"),
        ({"image": (None, 8, 3)}, "sides of the images must be known"),
    ],
)  # fmt: skip
def test_what_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        tiny("vit", **options)
