"""Folding: every network gives the same logits and taps, and nothing is folded that others read."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from frozen_networks import FOLDED, NETWORKS, assert_close, pictures, randomized

from keras_kd.models.taps import tap_names, tapped
from keras_kd.teachers import load
from keras_kd.teachers.frozen import freeze
from keras_kd.teachers.frozen.fold import flatten, fold


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_networks_give_the_same_logits(name):
    model = randomized(NETWORKS[name]())
    teacher, x = freeze(model, engine="graph", batch_size=2), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == FOLDED[name]
    assert teacher.facts["weights"] == ("variables" if name == "resnet50" else "constants")


@pytest.mark.parametrize("name", ["resnet", "bit", "bit_batch"])
def test_every_tap_keeps_its_values(name):
    model = randomized(NETWORKS[name]())
    taps, x = tap_names(model), pictures(model)
    outputs = freeze(model, taps=taps, engine="graph")(x)
    reference = tapped(model, taps)(x, training=False)
    assert set(outputs) == {*taps, "logits"}
    for tap in reference:
        expected = np.asarray(reference[tap], "float64")
        np.testing.assert_allclose(outputs[tap], expected, atol=1e-5 * np.abs(expected).max())


def test_a_tapped_convolution_is_not_folded(small):
    assert fold(flatten(small)).counts["batch_norm"] == 7
    assert fold(flatten(small, ["stage1_block1_1_conv"])).counts["batch_norm"] == 6


def test_layers_called_by_keyword():
    image = keras.Input((5, 5, 2))
    x = keras.layers.ZeroPadding2D(1)(inputs=image)
    x = keras.layers.Conv2D(4, 3)(inputs=x)
    x = keras.layers.BatchNormalization()(inputs=x)
    x = keras.layers.Activation("relu")(inputs=x)
    model = randomized(keras.Model(image, keras.layers.GlobalAveragePooling2D()(x)))
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == teacher.facts["folded"]["padding"] == 1


def test_what_others_read_is_not_folded():
    image = keras.Input((4, 4, 2))
    conv = keras.layers.Conv2D(3, 1)(image)
    norm = keras.layers.BatchNormalization()(conv)
    x = keras.layers.Add()([conv, norm])
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    randomized(model)
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == 0


def test_saved_model_says_that_nothing_is_folded(small, tmp_path):
    small.export(str(tmp_path / "module"), verbose=False)
    module = load(str(tmp_path / "module"), 5, (8, 8, 1), input_range=(-1, 1))
    teacher = freeze(module, engine="graph")
    x = pictures(small)
    assert_close(teacher(x), small(x, training=False))
    assert any("nothing is folded" in note for note in teacher.facts["notes"])


def test_folding_leaves_float32_only(small):
    network = fold(flatten(small))
    fused = [call.operation for call in network.calls if hasattr(call.operation, "hold")]
    size = network.nbytes
    assert {a.dtype for one in fused for a in one._held.values()} == {np.dtype("float32")}
    network.hold_weights(as_constants=False)
    assert not any(isinstance(a, np.ndarray) for one in fused for a in vars(one).values())
    assert all(isinstance(a, tf.Variable) for one in fused for a in one._held.values())
    assert network.nbytes == size
