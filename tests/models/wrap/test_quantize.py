"""What was trained is what ships: networks in few bits, and the int8 files made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from rounded import SHAPE, of_all_kinds, outputs_of, pictures, varied
from shrunk import photographs, residual

import keras_kd
from keras_kd import models
from keras_kd.export import few_bits
from keras_kd.export.conversion import float_tensors
from keras_kd.models import quantize_aware, shrink
from keras_kd.models.wrap.quantized_layers import Quantized
from keras_kd.models.wrap.unquantize import kernels


def rounded(model, shape=(8, 8, 3), **options):
    return quantize_aware(model, images=photographs(40, shape, seed=1), **options)


@pytest.mark.parametrize("scheme", ["lsq", "minmax"])
def test_at_8_bits_it_answers_like_the_float_network(scheme):
    model, x = residual(), photographs(16)
    result = rounded(model, scheme=scheme)
    expected = model(x, training=False).numpy()
    error, range_ = np.abs(result(x) - expected).max(), np.ptp(expected, axis=0).max()
    assert 0 < error < 0.05 * range_
    np.testing.assert_allclose(result(x, training=True), result(x), atol=0.05 * range_)


def test_the_file_of_integers_is_the_keras_model():
    """Trained a little first; residual sums, a mean and a dense layer."""
    model = residual()
    result = rounded(model, weights=4, keep=("first", "logits"))
    kd = keras_kd.KDModel(result, model, keras_kd.methods.SoftTargets())
    kd.compile(optimizer=keras.optimizers.Adam(3e-3))
    x = photographs(64, seed=2)
    kd.fit(x, np.zeros(64, int), batch_size=16, epochs=3, verbose=0)
    content, x = few_bits.converted(result, None, "int8", "logits"), photographs(48, seed=3)
    answers, step = outputs_of(content, x)
    # To the bit: the Keras model rounds as LiteRT does.
    assert (np.abs(answers - result(x, training=False)) / step).max() < 0.01
    assert float_tensors(content) == []


@pytest.mark.slow
def test_a_deeper_one_answers_to_the_bit_too():
    keras.utils.set_random_seed(0)
    model = varied(models.resnet(14, 1.0, 10, (16, 16, 3)), SHAPE)
    result = quantize_aware(model, images=pictures(64, SHAPE, seed=1))
    x = pictures(64, SHAPE, seed=2)
    answers, step = outputs_of(few_bits.converted(result, None, "int8", "logits"), x)
    assert (np.abs(answers - result(x, training=False)) / step).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("make", "shape", "floats"), [
    (of_all_kinds, SHAPE, False),
    (lambda: models.mobilenet_v3_small(5, (32, 32, 3), 0.25, dropout=0.0), (32, 32, 3), False),
    (lambda: models.bit_resnet((1, 1), 0.25, 5, (16, 16, 3), small_root=True), SHAPE, True),
    (lambda: shrink(models.efficientnet_lite(0, 5, (32, 32, 3)), 0.25), (32, 32, 3), False),
])  # fmt: skip
def test_files_of_many_families(make, shape, floats):
    """Norms that measure each image stay in float, all else is integers.

    These networks have learned nothing and pass on what they should damp: a sum that lies on the
    border between two steps, and falls to the other side, shows at the end in a few answers.
    """
    keras.utils.set_random_seed(1)
    model = varied(make(), shape)
    result = quantize_aware(model, images=pictures(64, shape, seed=1))
    x = pictures(64, shape, seed=2)
    content = few_bits.converted(result, None, "int8", "logits")
    answers, step = outputs_of(content, x)
    expected = result(x, training=False).numpy()
    steps = np.abs(answers - expected) / step
    assert np.ptp(expected, axis=0).min() > 10 * step  # images are told apart
    assert np.median(steps) < 1.01 and np.mean(steps > 2.01) < 0.2
    own = np.take_along_axis(answers, expected.argmax(-1)[:, None], 1)[:, 0]
    assert np.mean(own < answers.max(-1) - 2.01 * step) < 0.05  # the same class, or nearly
    assert bool(float_tensors(content)) is floats


@pytest.mark.parametrize("scheme", ["lsq", "minmax"])
def test_gradients_reach_every_weight_that_learns(scheme):
    model, x = of_all_kinds(), pictures(16)
    result = quantize_aware(model, 3, scheme=scheme, images=x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(result(x, training=True) - model(x)))
    found = tape.gradient(loss, result.trainable_variables)
    still = [w.path for w, g in zip(result.trainable_variables, found) if not np.any(g)]
    assert not still
    assert not [w.path for w in result.trainable_weights if w.path.startswith("rescaling/")]
    learned = any("log_step" in w.path for w in result.trainable_weights)
    assert learned == (scheme == "lsq")


def test_bits_of_each_layer():
    result = rounded(of_all_kinds(), SHAPE, weights=2, keep=("first", "last", "grouped"))
    bits = {layer.name: layer.bits for layer in kernels(result)}
    assert {name for name, one in bits.items() if one == 8} == {
        "first", "logits", "grouped", "rescaling", "alone", "separable_depthwise", "larger"
    }  # fmt: skip
    assert bits["hidden"] == bits["gate"] == bits["separable"] == 2
    whole, _ = result.get_layer("hidden").whole()
    assert set(np.unique(whole)) <= {-1, 0, 1}


def test_activations_may_stay_floats():
    model, x = residual(), photographs(4)
    result = quantize_aware(model, 8, activations=None)
    assert all(isinstance(one, Quantized) or "range" not in one.name for one in result.layers)
    np.testing.assert_allclose(result(x), model(x, training=False), atol=0.05)


def test_a_file_gives_it_back(tmp_path):
    result, x = rounded(of_all_kinds(), SHAPE, weights=4), photographs(4, SHAPE)
    result.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded(x), result(x))
    np.testing.assert_array_equal(loaded(x, training=False), result(x, training=False))


def test_the_model_stays_as_it_is():
    model, x = residual(), photographs(4)
    before = model(x).numpy()
    result = rounded(model, weights=2)
    result.get_layer("stem_conv").kernel.assign(0 * result.get_layer("stem_conv").kernel)
    np.testing.assert_array_equal(model(x), before)


def test_a_network_of_half_precision_computes_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = residual()
        result = rounded(model)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in result.layers[1:]} == {"float32"}
    np.testing.assert_allclose(result(photographs(4)), model(photographs(4)), atol=0.2)


def test_a_layer_that_is_called_twice_has_a_range_for_each_call():
    images = keras.Input((8, 8, 3))
    again, norm = layers.Conv2D(4, 3, padding="same", name="again"), layers.BatchNormalization()
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = layers.GlobalAveragePooling2D()(norm(again(norm(again(layers.ReLU()(x))))))
    model, x = keras.Model(images, layers.Dense(3)(x)), photographs(16)
    result = rounded(model)
    assert {"again_range", "again_range_1"} <= {one.name for one in result.layers}
    expected = model(x).numpy()  # what lies outside of the measured ranges is cut off
    assert np.mean(np.abs(result(x) - expected)) < 0.03 * np.ptp(expected)


def two_outputs():
    images = keras.Input((8, 8, 3))
    x = layers.Flatten()(images)
    return keras.Model(images, [layers.Dense(3)(x), layers.Dense(3)(x)])


class Own(keras.Model):
    def call(self, x):
        return x


class Doubled(layers.Layer):
    """Has a kernel of its own."""

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], 8), name="matrix")

    def call(self, x):
        return x @ self.matrix


def own_kernel():
    images = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(Doubled(name="own")(images))
    return keras.Model(images, layers.Dense(3)(x))


def channels_first():
    images = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D(2, data_format="channels_first", name="turned")(images)
    return keras.Model(images, layers.Dense(3)(layers.Flatten()(x)))


@pytest.mark.parametrize(("make", "options", "words"), [
    (residual, {"weights": 5}, r"one of \(8, 4, 3, 2\).*Received: weights=5"),
    (residual, {"weights": True}, r"Received: weights=True"),
    (residual, {"activations": 4}, r"must be 8 bits.*Received: activations=4"),
    (residual, {"scheme": "lsk"}, r"Received: scheme='lsk'.*Did you mean 'lsq'"),
    (residual, {"keep": ("stem_cnv",)}, r"Received: 'stem_cnv'.*Did you mean 'stem_conv'"),
    (residual, {"images": None}, r"images must be given.*Received: images=None"),
    (residual, {"images": photographs(2, (8, 8, 1))}, r"images must be \[N, 8, 8, 3\]"),
    (residual, {"images": "train"}, r"array of numbers.*images of type str"),
    (residual, {"images": np.full((2, 8, 8, 3), np.nan)}, r"finite numbers"),
    (residual, {"images": 255 * photographs(4)}, r"images must be in \[-1, 1\].*numbers up to 25"),
    (residual, {"keep": 5}, r"keep must be names of layers. Received: keep=5"),
    (residual, {"input_shape": (8, 8)}, r"input_shape=\(8, 8\)"),
    (residual, {"input_shape": 8}, r"must be \(height, width, channels\).*input_shape=8"),
    (own_kernel, {}, r"layer 'own' of type Doubled, whose matrix would stay in floats"),
    (lambda: "resnet", {}, r"Received: model='resnet' of type str"),
    (two_outputs, {}, r"quantize_aware takes models of one input.*2 outputs"),
    (Own, {}, r"quantize_aware takes functional and Sequential.*type Own"),
    (channels_first, {}, r"channels last. Received: layer 'turned'"),
    (lambda: rounded(residual()), {}, r"network in floats. Received: layer 'image_range'"),
])  # fmt: skip
def test_bad_input(make, options, words):
    with pytest.raises(ValueError, match=words):
        quantize_aware(make(), **{"images": photographs(4), **options})


def test_one_in_few_bits_is_not_cut():
    with pytest.raises(ValueError, match="shrink takes a network in floats"):
        shrink(rounded(residual()), 0.5)
