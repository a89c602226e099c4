"""Networks that start from pretrained weights: every kind of source, and every misfit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import bit_resnet, efficientnet_lite, resnet, start_from
from keras_kd.models.bit.published import PUBLISHED, Published
from keras_kd.models.bit.weights import _variables
from keras_kd.models.efficientnet_lite import _source_names
from keras_kd.models.taps import tapped
from keras_kd.teachers import load

UNITS, WIDTH = (1, 1), 0.125


def randomize(model):
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0.01, 0.1, w.shape) for w in model.get_weights()])
    return model


def images(side=16, channels=3):
    return np.random.default_rng(1).uniform(-1, 1, (2, side, side, channels)).astype("float32")


def bit(classes, side=16):
    return bit_resnet(UNITS, WIDTH, classes, (side, side, 3), small_root=True)


def write_bit(path, model, head=True):
    """A BiT in big_vision's layout, whose names are the loader's own."""
    arrays = {name: variable.numpy() for name, variable in _variables(model).items()}
    kept = {n: a for n, a in arrays.items() if head or not n.startswith("head/")}
    np.savez(path, **{f"params/{name}": array for name, array in kept.items()})
    return str(path)


class Features(tf.Module):
    """Mean over space times a matrix: a module of six features."""

    def __init__(self, channels=3):
        super().__init__()
        kernel = np.random.default_rng(0).normal(size=(channels, 6)).astype("float32")
        self.kernel = tf.Variable(kernel)
        spec = tf.TensorSpec((None, None, None, channels), tf.float32)
        self.__call__ = tf.function(self._call, input_signature=[spec])

    def _call(self, images):
        return tf.reduce_mean(images, [1, 2]) @ self.kernel


def features(model, x):
    return keras.Model(model.inputs, model.get_layer("pre_logits").output)(x)


def assert_fresh(model, classes, side=16, channels=3):
    """All of it learns, and at the start every class is as likely as another."""
    assert all(layer.trainable for layer in model.layers)
    assert model.output_shape == (None, classes) and model.output.dtype == "float32"
    probabilities = keras.ops.softmax(model(images(side, channels)))
    np.testing.assert_allclose(probabilities, np.full((2, classes), 1 / classes), rtol=1e-6)


@pytest.mark.parametrize("head", [True, False], ids=["with_head", "without_head"])
def test_bit_archives_without_their_classifier(tmp_path, head):
    donor = randomize(bit(5))
    path = write_bit(tmp_path / "bit.npz", donor, head)
    network = bit(3)
    network.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
    assert start_from(path, 3, (16, 16, 3), network) is network
    assert_fresh(network, 3)
    np.testing.assert_allclose(features(network, images()), features(donor, images()), atol=1e-5)


def test_a_published_bit_brings_its_network(tmp_path, monkeypatch):
    donor = randomize(bit_resnet(UNITS, WIDTH, 5, (32, 32, 3)))
    entry = Published("http://127.0.0.1:9/nowhere.npz", UNITS, WIDTH, 5, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-M", entry)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ConnectionError, match=r"put the file at .*tiny-M\.npz"):
        start_from("bit:tiny-M", 3, (32, 32, 3))
    write_bit(tmp_path / "keras_kd" / "bit" / "tiny-M.npz", donor)
    network = start_from("bit:tiny-M", 3, (48, 48, 3))
    assert_fresh(network, 3, 48)
    x = images(48)
    wide = bit_resnet(UNITS, WIDTH, 5, (48, 48, 3))
    wide.set_weights(donor.get_weights())
    np.testing.assert_allclose(features(network, x), features(wide, x), atol=1e-5)
    kept = start_from("bit:tiny-M", 5, (48, 48, 3), keep_head=True)
    np.testing.assert_allclose(kept(x), wide(x), atol=1e-5)
    with pytest.raises(ValueError, match=r"depth=\(1, 1\) and width=0.125.*width=0.25"):
        start_from("bit:tiny-M", 3, (32, 32, 3), bit_resnet(UNITS, 0.25, 3, (32, 32, 3)))
    with pytest.raises(ValueError, match="Did you mean 'R50x1-M'"):
        start_from("bit:R50x1M", 3, (32, 32, 3))


@pytest.mark.parametrize(
    ("kwargs", "channels", "received"),
    [({"small_root": True}, 3, "3x3 for 3"), ({}, 1, "7x7 for 1")],
    ids=["small_root", "grey"],
)
def test_a_published_bit_for_another_root_is_not_fetched(tmp_path, monkeypatch, kwargs, channels,
                                                         received):  # fmt: skip
    """Nothing listens at the address: an attempt would be a ConnectionError."""
    entry = Published("http://127.0.0.1:9/nowhere.npz", UNITS, WIDTH, 5, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-M", entry)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    shape = (16, 16, channels)
    refused = pytest.raises(ValueError, match=f"have a root of 7x7 for .*root of {received} chan")
    with refused:
        start_from("bit:tiny-M", 3, shape, bit_resnet(UNITS, WIDTH, 3, shape, **kwargs))
    with refused:
        bit_resnet(UNITS, WIDTH, 3, shape, weights="tiny-M", **kwargs)
    if channels == 1:
        with refused:
            load("bit:tiny-M", 5, shape)
    assert not list(tmp_path.iterdir())


def test_efficientnet_archives(tmp_path):
    donor = randomize(efficientnet_lite(0, 4, (32, 32, 3)))
    arrays = {
        name: variable.numpy().transpose(np.argsort(axes))
        for name, (variable, axes) in _source_names(donor, True).items()
    }
    np.savez(tmp_path / "lite0.npz", **arrays)
    path = str(tmp_path / "lite0.npz")
    network = start_from(path, 3, (32, 32, 3), efficientnet_lite(0, 3, (32, 32, 3)))
    assert_fresh(network, 3, 32)
    np.testing.assert_array_equal(
        network.get_layer("head_conv").kernel, donor.get_layer("head_conv").kernel
    )
    kept = start_from(path, 4, (32, 32, 3), efficientnet_lite(0, 4, (32, 32, 3)), keep_head=True)
    np.testing.assert_array_equal(kept(images(32)), donor(images(32)))


@pytest.mark.parametrize("keep_head", [True, False], ids=["kept", "new"])
def test_a_keras_file_fills_the_same_layers(tmp_path, keep_head):
    donor = randomize(resnet(8, 0.5, 4, (16, 16, 3)))
    donor.trainable = False  # as a teacher is saved
    donor.save(tmp_path / "donor.keras")
    network = resnet(8, 0.5, 4, (16, 16, 3))
    path = tmp_path / "donor.keras"
    start_from(path, 4, (16, 16, 3), network, keep_head=keep_head)
    if keep_head:
        np.testing.assert_array_equal(network(images()), donor(images()))
        assert network.trainable_variables
    else:
        assert_fresh(network, 4)
    other = start_from(path, 3, (16, 16, 3), resnet(8, 0.5, 3, (16, 16, 3)), keep_head=True)
    assert_fresh(other, 3)
    np.testing.assert_array_equal(features(other, images()), features(donor, images()))


def sequential(activation):
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(4, activation=activation, name="top"),
        ]
    )


def nested(activation):
    inner = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(6, 3, activation="relu")], name="inner"
    )
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(inner(inputs))
    logits = keras.layers.Dense(4, name="top")(x)
    whole = keras.Model(inputs, logits, name="whole")
    again = keras.Input((16, 16, 3))
    return keras.Model(again, keras.layers.Activation(activation)(whole(again)))


def convolutional(activation):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Conv2D(4, 1, name="top")(x)
    return keras.Model(inputs, keras.layers.Activation(activation)(keras.layers.Flatten()(x)))


def headless(activation):
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, keras.layers.Conv2D(6, 3, activation="relu")(inputs))


@pytest.mark.parametrize("activation", ["linear", "softmax"])
@pytest.mark.parametrize("build", [sequential, nested, convolutional, headless])
def test_a_keras_file_brings_its_network_up_to_its_classifier(tmp_path, build, activation):
    donor = randomize(build(activation))
    donor.save(tmp_path / "donor.keras")
    network = start_from(str(tmp_path / "donor.keras"), 3, (24, 24, 3))  # at another size
    assert_fresh(network, 3, 24)
    x = images(24)
    kernel, bias = donor.get_weights()[:2]
    maps = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
    expected = tf.reduce_mean(maps, [1, 2])
    np.testing.assert_allclose(features(network, x), expected, atol=1e-5)
    if build is headless:
        return
    kept = start_from(str(tmp_path / "donor.keras"), 4, (24, 24, 3), keep_head=True)
    kernel, bias = donor.get_weights()[-2:]
    logits = expected @ kernel.reshape(6, 4) + bias  # and no softmax
    np.testing.assert_allclose(kept(x), logits, atol=1e-5)


def test_applications_of_keras(tmp_path):
    donor = randomize(keras.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None))
    donor.save(tmp_path / "mobilenet.keras")
    network = start_from(tmp_path / "mobilenet.keras", 3, (32, 32, 3))
    assert_fresh(network, 3, 32)
    below = keras.Model(donor.input, donor.get_layer("dropout").output)
    np.testing.assert_allclose(features(network, images(32)), below(images(32))[:, 0, 0], atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "hub:"], ids=["folder", "hub"])
def test_hub_modules_learn_under_a_new_classifier(tmp_path, prefix):
    folder = str(tmp_path / "module")
    module = Features()
    tf.saved_model.save(module, folder)
    values = (-1, 1) if not prefix else None
    network = start_from(prefix + folder, 3, (16, 16, 3), input_range=values)
    assert_fresh(network, 3)
    pixels = images() if not prefix else (images() + 1) / 2  # the convention of TF-Hub
    expected = pixels.mean((1, 2)) @ module.kernel.numpy()
    np.testing.assert_allclose(features(network, images()), expected, atol=1e-5)
    with pytest.raises(ValueError, match="brings its own network"):
        start_from(prefix + folder, 3, (16, 16, 3), resnet(8, 0.5, 3, (16, 16, 3)))


def test_other_pixel_values_are_converted_or_refused(tmp_path):
    donor = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(6, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )
    donor.save(tmp_path / "donor.keras")
    path = tmp_path / "donor.keras"
    with pytest.raises(ValueError, match=r"expects \[0, 255\]. Set input_range"):
        start_from(path, 3, (16, 16, 3))
    network = start_from(path, 4, (16, 16, 3), keep_head=True, input_range=(0, 255))
    np.testing.assert_allclose(network(images()), donor((images() + 1) * 127.5), atol=1e-5)
    with pytest.raises(ValueError, match="for those that init brings"):
        start_from(path, 4, (16, 16, 3), resnet(8, 0.5, 4, (16, 16, 3)), input_range=(0, 255))


@pytest.mark.parametrize("kind", ["bit", "hub", "keras"])
def test_gradients_reach_the_whole_backbone(tmp_path, kind):
    if kind == "bit":
        path = write_bit(tmp_path / "bit.npz", randomize(bit(5)))
        network = start_from(path, 3, (16, 16, 3), bit(3))
    elif kind == "hub":
        tf.saved_model.save(Features(), str(tmp_path / "module"))
        network = start_from(f"hub:{tmp_path / 'module'}", 3, (16, 16, 3))
    else:
        randomize(sequential("softmax")).save(tmp_path / "donor.keras")
        network = start_from(tmp_path / "donor.keras", 3, (16, 16, 3))
    # Under a classifier of zeros none would: it moves first.
    network.get_layer("logits").kernel.assign(
        np.random.default_rng(2).normal(size=(network.get_layer("logits").kernel.shape))
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(images(), training=True)[:, 0])
    variables = [v.value for v in network.trainable_variables]
    assert len(variables) > 2
    for variable, gradient in zip(network.trainable_variables, tape.gradient(loss, variables)):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_sources_that_lead_nowhere(tmp_path):
    for init, message in (
        ("", "init must be 'bit:NAME'"),
        (None, "Received: init=None"),
        ("btt:R50x1", "unknown scheme 'btt:'"),
        (str(tmp_path / "missing.keras"), "which is not there"),
        (str(tmp_path), "holds no saved_model.pb"),
    ):
        with pytest.raises(ValueError, match=message):
            start_from(init, 3, (16, 16, 3))
    (tmp_path / "cut.keras").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ValueError, match="whole Keras 3 archive"):
        start_from(tmp_path / "cut.keras", 3, (16, 16, 3))
    with pytest.raises(ValueError, match="num_classes=0"):
        start_from("bit:R50x1-M", 0, (16, 16, 3))


def test_weights_of_another_network(tmp_path):
    path = write_bit(tmp_path / "bit.npz", bit(5))
    with pytest.raises(ValueError, match="Name its builder"):
        start_from(path, 3, (16, 16, 3))
    deeper = bit_resnet((1, 2), WIDTH, 3, (16, 16, 3), small_root=True)
    with pytest.raises(ValueError, match=r"depth=\(1, 2\).*seems to be of depth=\(1, 1\)"):
        start_from(path, 3, (16, 16, 3), deeper)
    with pytest.raises(ValueError, match="fills bit_resnet, mixer, vit or efficientnet_lite"):
        start_from(path, 3, (16, 16, 3), resnet(8, 0.5, 3, (16, 16, 3)))
    resnet(8, 0.5, 4, (16, 16, 3)).save(tmp_path / "donor.keras")
    path = tmp_path / "donor.keras"
    with pytest.raises(ValueError, match=r"stem_conv \(file .*, network .*mismatches|mismatches"):
        start_from(path, 3, (16, 16, 3), resnet(8, 1.0, 3, (16, 16, 3)))
    with pytest.raises(ValueError, match=r"stage1_block2.* \(in the network, not in the file\)"):
        start_from(path, 3, (16, 16, 3), resnet(14, 0.5, 3, (16, 16, 3)))
    with pytest.raises(ValueError, match=r"images \[B, H, W, 1\]"):
        start_from(path, 3, (16, 16, 1))
    with pytest.raises(ValueError, match="dense layer 'logits'"):
        start_from(path, 4, (16, 16, 3), sequential("linear"))
    flat = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(6, "relu")]
    )
    flat.save(tmp_path / "flat.keras")
    with pytest.raises(ValueError, match=r"must run on images of shape \(24, 24, 3\)"):
        start_from(tmp_path / "flat.keras", 3, (24, 24, 3))


def test_a_normalization_stands_in_front_of_what_was_trained_with_it(tmp_path):
    """The closed form of ImageNet's: pixels in [0, 1], less the mean, divided by the deviation."""
    values = (images() + 1) / 2
    values = (values - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    donor = randomize(resnet(8, 0.5, 4, (16, 16, 3)))
    donor.save(tmp_path / "donor.keras")
    tf.saved_model.save(Features(), str(tmp_path / "module"))
    kernel = Features().kernel.numpy()
    for init, expected in (
        ("donor.keras", features(donor, values.astype("float32"))),
        ("module", values.mean((1, 2)) @ kernel),
    ):
        network = start_from(tmp_path / init, 3, (16, 16, 3), normalization="imagenet")
        assert_fresh(network, 3)
        found = tapped(network, ["pre_logits"])(images())["pre_logits"]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"normalization is for those that init brings"):
        start_from("a.keras", 4, (16, 16, 3), donor, normalization="imagenet")


def with_outputs(path, outputs):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    made = {name: keras.layers.Dense(units, name=name)(x) for name, units in outputs.items()}
    model = keras.Model(inputs, made)
    randomize(model)
    model.save(path)
    return model


@pytest.mark.parametrize("form", ["a dict", "a list"])
def test_of_several_outputs_the_logits_are_found_asked_for_or_named(tmp_path, form):
    """Files of one output may hold it in a list, as those of Keras 2 do, or under any name."""
    path, x = tmp_path / "model.keras", images()

    def saved(**outputs):
        model = with_outputs(path, outputs)
        if form == "a list":
            keras.Model(model.inputs, list(model.output.values())).save(path)
        return lambda name: keras.ops.convert_to_numpy(model(x)[name])

    answer = saved(scores=5)
    kept = start_from(str(path), 5, (16, 16, 3), keep_head=True)
    np.testing.assert_allclose(kept(x), answer("scores"), atol=1e-5)
    answer = saved(aux=2, other=9)
    kept = start_from(str(path), 9, (16, 16, 3), keep_head=True)
    np.testing.assert_allclose(kept(x), answer("other"), atol=1e-5)
    with pytest.raises(ValueError, match=r"'other' \(None, 9\)\. Pass output='aux', or another"):
        start_from(str(path), 5, (16, 16, 3))
    named = start_from(str(path), 5, (16, 16, 3), output="aux")
    assert_fresh(named, 5)
    with pytest.raises(ValueError, match="there must be an output of that name"):
        start_from(str(path), 5, (16, 16, 3), output="axu")
