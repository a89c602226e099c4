"""Layers whose network another runtime runs: batches, layouts, graphs, files that change."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models.host import HostModule, digest_of
from keras_kd.models.tensors import Tensor


class Means(HostModule):
    """Gives the mean of each channel, and notes the batches that it saw."""

    shape, channel_axes = (None, 4, 5, 3), (1, 2)

    def _open(self):
        self.seen = []
        means = Tensor("means", (self.shape[0], 3), np.dtype("float32"))
        return [Tensor("image", self.shape, np.dtype("float32"))], [means]

    def _run(self, values):
        self.seen.append(values.shape)
        return values.mean(self.channel_axes)


class FirstOfTwo(Means):
    shape, channel_axes = (2, 3, 4, 5), (2, 3)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "f.bin").write_bytes(b"one")
    return tmp_path / "f.bin"


def images(count):
    return np.random.default_rng(0).uniform(-1, 1, (count, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize("kind", [Means, FirstOfTwo])
def test_batches_of_any_size(kind, file):
    layer = kind(file)
    assert layer.image_shape == (4, 5, 3)
    for count in (1, 2, 5, 0):
        found = layer.answer(images(count))
        np.testing.assert_allclose(found, images(count).mean((1, 2)), atol=1e-6)
        assert found.shape == (count, 3)
    if kind is FirstOfTwo:  # of one size, the last filled up
        assert set(layer.seen) == {(2, 3, 4, 5)} and len(layer.seen) == 1 + 1 + 3


def test_it_is_a_layer_of_a_graph(file):
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, Means(file)(inputs))
    assert model.output_shape == (None, 3) and not model.weights
    x = images(3)
    np.testing.assert_allclose(model(x), x.mean((1, 2)), atol=1e-6)
    graph = tf.function(model, input_signature=[tf.TensorSpec((None, 4, 5, 3))])
    np.testing.assert_allclose(graph(x), x.mean((1, 2)), atol=1e-6)
    assert graph.get_concrete_function().output_shapes == tf.TensorShape((None, 3))
    np.testing.assert_allclose(model.predict(x, verbose=0), x.mean((1, 2)), atol=1e-6)


def test_a_gradient_is_refused_and_not_zero(file):
    layer = Means(file)
    with tf.GradientTape() as tape:
        x = tf.constant(images(1))
        tape.watch(x)
        total = tf.reduce_sum(layer(x))
    with pytest.raises(ValueError, match=r"no gradient passes .*f\.bin"):
        tape.gradient(total, x)


def test_a_copy_opens_the_same_file_and_no_other(file):
    layer = Means(file)
    copy = Means.from_config(layer.get_config())
    np.testing.assert_array_equal(copy.answer(images(2)), layer.answer(images(2)))
    file.write_bytes(b"two")
    # Keras tells what a constructor raised by a TypeError of its own.
    with pytest.raises(TypeError, match="has changed since"):
        Means.from_config(layer.get_config())
    file.unlink()
    with pytest.raises(TypeError, match=r"which is not\. Check the path"):
        Means.from_config(layer.get_config())


def test_a_digest_is_of_the_content_and_of_weights_beside_it(file, tmp_path):
    moved = tmp_path / "moved.bin"
    moved.write_bytes(file.read_bytes())
    assert digest_of(file) == digest_of(moved)
    (tmp_path / "f.bin.data").write_bytes(b"weights")
    assert digest_of(file) != digest_of(moved)
