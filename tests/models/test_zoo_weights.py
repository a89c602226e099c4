"""Weights that Keras publishes: fetched, copied by hand, and mended where Keras mends them."""

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from keras_kd.models import start_from, zoo, zoo_weights
from keras_kd.teachers import load

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Keras without a network; what it was asked for."""
    asked = []

    def get_file(fname, origin, **kwargs):
        asked.append(fname)
        # As Keras words it.
        raise Exception(f"URL fetch failure on {origin}: None -- [Errno -2] Name or service not k")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return asked


def test_offline_it_says_which_file_to_put_where(offline, tmp_path):
    with pytest.raises(ConnectionError, match="cannot be fetched") as error:
        load("keras:MobileNet?alpha=0.25", 1000, (224, 224, 3))
    text, file = str(error.value), "mobilenet_2_5_224_tf.h5"
    assert f"{ADDRESS}/mobilenet/{file}" in text and offline == [file]
    assert text.endswith(f"put the file at {tmp_path}/models/{file}.")


@pytest.mark.parametrize("name", zoo_weights.FILES)
def test_files_are_called_as_keras_calls_them(offline, name):
    with pytest.raises(ConnectionError):
        zoo_weights._published(getattr(keras.applications, name), 0, name)
    assert offline == [zoo_weights.FILES[name]]


def test_what_does_not_fit_is_refused_before_it_is_fetched(offline):
    with pytest.raises(ValueError, match=r"5 classes.*know the 1000 of ImageNet.*as init"):
        load("keras:ResNet50", 5, (224, 224, 3))
    with pytest.raises(ValueError, match="has no weights of ImageNet"):
        load("keras:MobileNet?alpha=0.3", 1000, (224, 224, 3))
    assert not offline


def test_deviations_where_variances_should_stand_are_mended():
    """The closed form: (x - mean) / deviation, of a file that says variance = deviation."""
    inputs = keras.Input((4, 4, 3))
    layer = keras.layers.Normalization(axis=-1)
    model = keras.Model(inputs, layer(inputs))
    assert zoo_weights.mended(model) == {}
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    layer.set_weights([means, deviations, np.array(0)])
    layer.finalize_state()
    ((found, factor),) = zoo_weights.mended(model).items()
    assert found is layer
    x = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(factor(model(x)), (x - means) / deviations, rtol=1e-5, atol=1e-6)
    layer.set_weights([means, deviations**2, np.array(0)])  # as it should be
    layer.finalize_state()
    assert zoo_weights.mended(model) == {}


@pytest.mark.slow  # the closed form above shows the same
def test_efficientnets_published_normalisation_is_mended(monkeypatch, tmp_path):
    """Against Keras's own network, which adds a factor for weights='imagenet' alone."""
    builder = keras.applications.EfficientNetB0
    published = builder(include_top=False, weights=None, input_shape=(32, 32, 3))
    weights = [w + np.random.normal(0, 0.1, w.shape) for w in published.get_weights()[3:]]
    # As in the published file: the deviations where the variances should stand.
    front = [np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(0)]
    published.set_weights(front + weights)
    published.save(tmp_path / "efficientnetb0_notop.h5")
    path = str(tmp_path / "efficientnetb0_notop.h5")
    monkeypatch.setattr(file_utils, "get_file", lambda *args, **kwargs: path)
    own = builder(include_top=False, weights="imagenet", input_shape=(32, 32, 3), pooling="avg")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    expected = own((x + 1) * 127.5)
    for weights in ("imagenet", path):
        network = start_from(f"keras:EfficientNetB0?weights={weights}", 3, (32, 32, 3))
        features = keras.Model(network.inputs, network.get_layer("pre_logits").output)
        np.testing.assert_allclose(features(x), expected, atol=1e-4 * np.abs(expected).max())
    plain = builder(include_top=False, weights=path, input_shape=(32, 32, 3), pooling="avg")
    # What a path alone would give.
    assert np.abs(plain((x + 1) * 127.5) - expected).max() > 1e-3 * np.abs(expected).max()


def test_no_weights_are_random_ones():
    network = zoo.with_classifier("keras:MobileNet?alpha=0.25&weights=none", 5, (32, 32, 3))
    assert network.output_shape == (None, 5)
