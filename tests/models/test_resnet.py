"""The residual networks against published sizes and a plain-TensorFlow reference."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import resnet, resnet50
from keras_kd.models.resnet import IdentityShortcut


def images(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def trainable(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


# He et al. 2016, table 6: 0.27 M, 0.46 M, 0.66 M, 0.85 M, 1.7 M parameters on CIFAR-10.
@pytest.mark.parametrize(
    ("depth", "count"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018)]
)
def test_published_parameter_counts(depth, count):
    assert trainable(resnet(depth)) == count


def test_block_arithmetic_equals_plain_tensorflow():
    model = resnet(8, 0.5, 4, (9, 12, 1))
    rng = np.random.default_rng(0)
    model.set_weights(
        [rng.uniform(0.2, 1, w.shape) - 0.4 * (w.ndim > 1) for w in model.get_weights()]
    )
    weights = {layer.name: layer.get_weights() for layer in model.layers}

    def conv(x, name, stride=1):
        gamma, beta, mean, variance = weights[f"{name}_norm"]
        x = tf.nn.conv2d(x, weights[f"{name}_conv"][0], stride, "SAME")
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)

    x = images(3, 9, 12, 1)
    y = tf.nn.relu(conv(x, "stem"))
    for stage in (1, 2, 3):
        stride, name = (2 if stage > 1 else 1), f"stage{stage}_block1"
        shortcut = y[:, ::stride, ::stride]
        z = conv(tf.nn.relu(conv(y, f"{name}_1", stride)), f"{name}_2")
        extra = z.shape[-1] - y.shape[-1]
        y = tf.nn.relu(z + tf.pad(shortcut, [[0, 0], [0, 0], [0, 0], [0, extra]]))
    kernel, bias = weights["logits"]
    expected = tf.reduce_mean(y, [1, 2]) @ kernel + bias
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-4)


def test_identity_shortcut_shape_and_values():
    x = images(2, 5, 4, 3)
    layer = IdentityShortcut(7, 2)
    output = np.asarray(layer(x))
    assert output.shape == (2, 3, 2, 7) == layer.compute_output_shape((2, 5, 4, 3))
    np.testing.assert_array_equal(output[..., :3], x[:, ::2, ::2])
    assert not output[..., 3:].any()


def test_synchronized_reaches_every_batch_norm():
    model = resnet(8, synchronized=True)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 7 and all(norm.synchronized for norm in norms)


def test_saves_and_loads(tmp_path):
    model = resnet(8, 0.5, 3, (8, 8, 1), dropout=0.2)
    x = images(2, 8, 8, 1)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), model(x))


def test_group_norm_and_float32_logits_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        models = [resnet(8, norm="group"), resnet50(3, (32, 32, 3))]
    finally:
        keras.config.set_dtype_policy("float32")
    for model in models:
        assert model.output.dtype == "float32"
        assert model.get_layer("stage1").output.dtype == "float16"
    assert not [x for x in models[0].layers if isinstance(x, keras.layers.BatchNormalization)]


@pytest.mark.slow
def test_resnet50_equals_keras_with_its_preprocessing(tmp_path):
    theirs = keras.applications.ResNet50(weights=None, classifier_activation=None)
    theirs.get_layer("predictions").bias.assign(np.linspace(-1, 1, 1000))
    path = tmp_path / "r50.weights.h5"
    theirs.save_weights(path)
    ours = resnet50(1000, (224, 224, 3), weights=path)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype("float32")
    expected = theirs(keras.applications.resnet50.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(ours(pixels / 127.5 - 1), expected, atol=1e-3)
    assert [x.name for x in ours.layers][:3] == ["image", "to_caffe_range", "conv1_pad"]
    assert ours.count_params() == 25_636_712  # the count Keras publishes
    # Another class count keeps the features and starts the head at zero.
    other = resnet50(5, (64, 64, 3), weights=path, synchronized=True)
    for one, two in zip(other.get_weights()[:-2], theirs.get_weights()):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(other(images(1, 64, 64, 3)), np.zeros((1, 5)))
    norms = [x for x in other.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 53 and all(norm.synchronized for norm in norms)
    sides = [other.get_layer(f"stage{i}").output.shape[1] for i in (1, 2, 3, 4)]
    assert sides == [16, 8, 4, 2]


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="depth must be 6n"):
        resnet(18)
    with pytest.raises(ValueError, match="at least 8 pixels"):
        resnet(8, input_shape=(7, 7, 1))
    with pytest.raises(ValueError, match="which is not there"):
        resnet50(5, weights=tmp_path / "none.h5")
    with pytest.raises(ValueError, match="3 channels"):
        resnet50(5, (32, 32, 1), weights="imagenet")
    bad = tmp_path / "bad.weights.h5"
    bad.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="does not load"):
        resnet50(5, weights=bad)


def test_a_width_for_each_stage_and_other_kernels():
    """Parameters by hand: kernels, norms of two trained numbers a channel, the head."""
    model = resnet(8, [0.25, 0.25, 0.5], input_shape=(8, 8, 1), kernel=5)
    a, b, c = 4, 8, 32
    kernels = 25 * (1 * a + 2 * a * a + a * b + b * b + b * c + c * c)
    norms = 2 * (a + 2 * a + 2 * b + 2 * c)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == (
        kernels + norms + c * 10 + 10
    )
    for wrong in ([1.0, 0.25, 1.0], [1.0, 1.0]):
        with pytest.raises(ValueError, match=r"one for each of the three stages.*Received: width="):
            resnet(8, wrong)
    with pytest.raises(ValueError, match=r"kernel must be an odd.*Received: kernel=4"):
        resnet(8, kernel=4)
