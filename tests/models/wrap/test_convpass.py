"""Adapters beside a frozen transformer: the authors' formula in NumPy, and all that learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from lite_interpreter import logits_of_file
from shrunk import residual as small_student
from token_networks import IMAGE, VIT, Forward, images, seeded, tiny

from keras_kd import KDModel, methods, models
from keras_kd.export import to_tflite
from keras_kd.models import convpass
from keras_kd.models.flops import flops, size_without_weights
from keras_kd.optimizers import AdamW

HEADS = VIT["heads"]


class WithAdapters(Forward):
    """The authors' forward of a block, and of an adapter, in float64 (PETL-ViT, convpass.py)."""

    def __init__(self, model, scale, grid, extra):
        super().__init__(model)
        self.scale, self.grid, self.extra = scale, grid, extra
        self.adapters = {
            layer.name: [w.numpy().astype("float64") for w in layer.weights]
            for layer in model.layers
            if layer.name.endswith("_convpass")
        }
        for name in ("class_tokens", "positions"):
            self.weights[name] = self.weights.get(name, [np.zeros((1, extra, 12))])

    def bypass(self, x, name):
        if name not in self.adapters:
            return 0.0
        down, down_bias, kernel, bias, up, up_bias = self.adapters[name]
        x = self.quick_gelu(x @ down + down_bias)
        patches = x[:, self.extra :].reshape(len(x), *self.grid, -1)
        single = [x[:, i].reshape(len(x), 1, 1, -1) for i in range(self.extra)]
        parts = [self.convolved(image, kernel, bias) for image in (*single, patches)]
        x = np.concatenate([part.reshape(len(x), -1, x.shape[-1]) for part in parts], axis=1)
        return self.scale * (self.quick_gelu(x) @ up + up_bias)

    def quick_gelu(self, x):
        return x / (1 + np.exp(-1.702 * x))

    def convolved(self, image, kernel, bias):
        """3x3, stride 1, padding 1, of one pixel after another."""
        padded = np.pad(image, [(0, 0), (1, 1), (1, 1), (0, 0)])
        result = np.zeros_like(image) + bias
        for row in range(image.shape[1]):
            for column in range(image.shape[2]):
                window = padded[:, row : row + 3, column : column + 3]
                result[:, row, column] += np.einsum("bhwc,hwcd->bd", window, kernel)
        return result

    def logits(self, x):
        x = self.patches(x.astype("float64"))
        tokens = np.repeat(self.weights["class_tokens"][0], len(x), axis=0)
        x = np.concatenate([tokens, x], axis=1) + self.weights["positions"][0]
        for index in range(1, VIT["depth"] + 1):
            name = f"block{index}"
            seen = self.norm(x, f"{name}_norm1")
            branch = self.bypass(seen, f"{name}_attention_convpass")
            x = x + self.attention(seen, name, HEADS) + branch
            seen = self.norm(x, f"{name}_norm2")
            x = x + self.mlp(seen, f"{name}_mlp") + self.bypass(seen, f"{name}_mlp_convpass")
        x = self.norm(x, "norm")
        if self.extra == 0:
            return self.dense(x.mean(1), "logits")
        if self.extra == 2:
            heads = ("logits_class", "logits_distilled")
            return sum(self.dense(x[:, i], name) for i, name in enumerate(heads)) / 2
        return self.dense(x[:, 0], "logits")


@pytest.fixture(scope="module")
def vit():
    return tiny("vit")


@pytest.mark.parametrize(
    ("built", "options", "extra"),
    [
        ({}, {}, 1),
        ({}, {"where": "attention", "scale": 10.0, "init": "xavier"}, 1),
        ({"distillation": True}, {"dim": 3, "scale": 0.1}, 2),
        ({"pooling": "gap"}, {"scale": 0.5}, 0),
    ],
    ids=str,
)
def test_it_is_the_authors_network(built, options, extra):
    model = seeded(convpass(tiny("vit", **built), **options))
    expected = WithAdapters(model, options.get("scale", 1.0), (2, 3), extra).logits(images())
    np.testing.assert_allclose(model(images()), expected, rtol=1e-5, atol=1e-5)
    without = WithAdapters(model, 0.0, (2, 3), extra).logits(images())
    assert np.abs(expected - without).max() > 0.01  # the adapters count


@pytest.mark.parametrize("init", ["identity", "xavier"])
def test_it_starts_as_the_transformer(vit, init):
    model = convpass(vit, dim=5, init=init)
    np.testing.assert_array_equal(model(images()), vit(images()))
    layer = model.get_layer("block2_mlp_convpass")
    down, down_bias, kernel, bias, up, up_bias = layer.get_weights()
    assert not np.any(up) and not np.any([*down_bias, *bias, *up_bias])
    assert np.abs(down).max() <= np.sqrt(6 / (12 + 5)) and np.std(down) > 0.1
    if init == "identity":
        expected = np.zeros((3, 3, 5, 5))
        expected[1, 1] = np.eye(5)
        np.testing.assert_array_equal(kernel, expected)
    else:
        assert 0.1 < np.abs(kernel).max() <= np.sqrt(6 / (9 * 5 + 9 * 5))


def test_it_shares_nothing_with_the_transformer(vit):
    model = convpass(vit)
    assert not {id(v) for v in model.variables} & {id(v) for v in vit.variables}


def test_weights_of_b_16_by_hand():
    """0.33 of 86 million, and the classifier."""
    assert 12 * 2 * (768 * 8 + 8 + 9 * 8 * 8 + 8 + 8 * 768 + 768) == 327_552
    counts = []

    def build():
        model = convpass(models.vit("B", 10))
        adapters = [one for one in model.layers if one.name.endswith("_convpass")]
        counts.append(len(adapters))
        counts.append(sum(one.count_params() for one in adapters))
        counts.append(sum(np.prod(v.shape) for v in model.trainable_variables))
        return model

    size = size_without_weights(build)
    assert counts == [24, 327_552, 327_552 + 7_690]
    assert size.parameters == 85_798_656 + 7_690 + 327_552  # the features of B/16, timm's count


def test_operations_by_hand(vit):
    more = flops(convpass(vit, dim=4)) - flops(vit)
    assert more == 2 * 6 * (2 * 7 * 12 * 4 + 9 * 4 * 4 * 6 + 4 * 4)


def test_only_adapters_and_classifier_learn():
    vit = tiny("vit", depth=1, dropout=0.5, distillation=True)
    model = convpass(vit)
    names = {v.path.split("/")[0] for v in model.trainable_variables}
    adapters = {"block1_attention_convpass", "block1_mlp_convpass"}
    assert names == {"logits_class", "logits_distilled", *adapters}
    # Nothing of the transformer drops: with adapters that give zero, training is inference.
    np.testing.assert_array_equal(model(images(), training=True), vit(images()))
    before = {v.path: v.numpy() for v in model.weights}
    kd = KDModel(model, methods=methods.Labels(), seed=1)
    kd.compile(optimizer=AdamW(0.01, 1e-4), jit_compile=True)
    kd.fit(images(4), np.array([0, 1, 2, 3]), epochs=3, batch_size=4, verbose=0)
    moving = {v.path for v in model.trainable_variables}
    for weight in model.weights:
        same = np.array_equal(weight, before[weight.path])
        assert same == (weight.path not in moving), weight.path
    frozen = {v.path: v.numpy() for v in vit.weights if v.path in before}
    for path in before.keys() - moving:
        np.testing.assert_array_equal(before[path], frozen[path])


def test_gradients_reach_every_adapter_and_the_classifier(vit):
    model = seeded(convpass(vit))
    x = tf.constant(images(4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_mean(tf.square(model(x)))
    *found, image = tape.gradient(loss, [*(v.value for v in model.trainable_variables), x])
    for gradient in (*found, image):
        assert np.abs(gradient).max() > 0


def test_an_adapter_drops_a_tenth(vit):
    layer = seeded(convpass(vit)).get_layer("block1_mlp_convpass")
    layer.up.set_weights([np.eye(8, 12), np.zeros(12)])  # what was dropped shows as zero
    x = np.random.default_rng(0).normal(size=(64, 7, 12)).astype("float32")
    keras.utils.set_random_seed(0)
    dropped, kept = np.asarray(layer(x, training=True)), np.asarray(layer(x))
    zeros = dropped[..., :8] == 0
    assert np.mean(zeros) == pytest.approx(0.1, abs=0.02)
    np.testing.assert_allclose(dropped[..., :8], np.where(zeros, 0, kept[..., :8] / 0.9), 1e-5)


def test_it_is_saved_and_exported_with_its_adapters(tmp_path):
    model = seeded(convpass(tiny("vit", depth=1), scale=0.5), 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again(images()), model(images()))
    trained = [v.path for v in model.trainable_variables]
    assert [v.path for v in again.trainable_variables] == trained
    to_tflite(model, tmp_path / "model.tflite")
    logits = logits_of_file(tmp_path / "model.tflite", images())
    np.testing.assert_allclose(logits, model(images()), rtol=1e-4, atol=1e-4)


def test_in_half_precision_the_classifier_stays_in_floats(vit):
    full = seeded(convpass(vit))
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        half = convpass(vit)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    half.set_weights(full.get_weights())
    layer = half.get_layer("block1_attention_convpass")
    assert layer.compute_dtype == layer.up.compute_dtype == "bfloat16"
    assert half.output.dtype == "float32" and half.get_layer("logits").compute_dtype == "float32"
    np.testing.assert_allclose(half(images()), full(images()), rtol=0.1, atol=0.1)


def without_a_grid():
    """A transformer whose blocks end in a plain sum."""
    x = keras.Input((8, 8, 3))
    y = layers.Reshape((64, 3))(x)
    seen = layers.LayerNormalization(name="block1_norm1")(y)
    y = layers.Add(name="block1_attention_sum")([y, layers.Dense(3)(seen)])
    seen = layers.LayerNormalization(name="block1_norm2")(y)
    y = layers.Add(name="block1")([y, layers.Dense(3)(seen)])
    y = layers.Dense(2, name="logits")(layers.GlobalAveragePooling1D()(y))
    return keras.Model(x, y, name="plain")


def headless():
    model = tiny("vit")
    return keras.Model(model.input, model.get_layer("pre_logits").output, name="features")


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (small_student, {}, r"attention blocks.*'residual', which has no such block"),
        (lambda: tiny("mixer"), {}, r"attention blocks.*'mixer', which has no such block"),
        (lambda: convpass(tiny("vit")), {}, r"without adapters.*'block1_attention_convpass'"),
        (without_a_grid, {}, r"grid of patches.*'block1' of type Add"),
        (headless, {}, r"dense layer behind the last block.*'features'"),
        (None, {"scale": 0}, r"above 0.*learn nothing.*scale=0\."),
        (None, {"scale": -1.0}, r"above 0.*scale=-1\.0"),
        (None, {"scale": float("nan")}, r"above 0.*scale=nan"),
        (None, {"scale": "1"}, r"above 0.*scale='1'"),
        (None, {"dim": 0}, r"dim must be a whole number of at least 1.*dim=0"),
        (None, {"where": "mlp"}, r"where must be one of \('both', 'attention'\).*'mlp'"),
        (None, {"init": "identiy"}, r"init must be one of.*'identiy'.*Did you mean 'identity'"),
        (None, {"input_shape": (16, 16, 3)}, r"must take images of \(16, 16, 3\)"),
    ],
)
def test_what_cannot_be_is_refused(vit, make, options, message):
    with pytest.raises(ValueError, match=message):
        convpass(make() if make else vit, **options)


def test_a_plain_sequence_of_layers_is_opened(vit):
    """A transformer within another model keeps the names of its blocks."""
    x = keras.Input(IMAGE)
    outer = keras.Model(x, vit(layers.Rescaling(1.0)(x)), name="outer")
    np.testing.assert_allclose(convpass(outer)(images()), vit(images()), rtol=1e-6)
