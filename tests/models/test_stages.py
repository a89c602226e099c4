"""Stages of networks that name none: where they end, and that nothing else changes."""

import keras
import numpy as np
from keras import layers

from keras_kd.models.stages import with_stages
from keras_kd.models.taps import tapped


def images(side=16):
    return np.random.default_rng(0).uniform(-1, 1, (2, side, side, 3)).astype("float32")


def squeezed(x):
    """A layer that sees the whole image at 1x1, as in MobileNetV3."""
    whole = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(whole)])


def residual():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding="same", name="whole")(inputs)
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="half")(x)
    x = layers.Add(name="half_sum")([x, squeezed(layers.Conv2D(4, 3, padding="same")(x))])
    short = layers.Conv2D(6, 1, strides=2, name="short")(x)
    padded = layers.ZeroPadding2D(name="pad")(x)  # 10 px, between stages of 8 and 4
    x = layers.Conv2D(6, 3, strides=2, padding="valid", name="long")(padded)
    x = layers.Add(name="quarter_sum")([x, short])
    x = layers.Conv2D(6, 3, padding="valid", name="two_off")(layers.ZeroPadding2D()(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)), name="net")


def ends(model, side=16):
    """What each stage of a model is made of, by layer name."""
    network = with_stages(model, keras.Input((side, side, 3)))
    found = {}
    for layer in network.layers:
        if layer.name.startswith("stage"):
            (tensor,) = layer._inbound_nodes[-1].input_tensors
            found[layer.name] = tensor._keras_history.operation.name
    return found


def test_a_stage_ends_at_the_last_tensor_that_all_go_through():
    assert ends(residual()) == {"stage1": "half_sum", "stage2": "two_off"}


def test_a_classifier_at_a_single_pixel_is_no_stage():
    """As MobileNet's, on images so small that its last features are 1x1, too."""
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(4, 3, strides=4, padding="same", name="features")(inputs)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    model = keras.Model(inputs, layers.Flatten()(layers.Conv2D(5, 1, name="logits")(x)))
    assert ends(model, 4) == {"stage1": "features"}


def test_where_there_is_none_it_is_the_last_that_merges():
    """As in NASNet, whose cells read the two before them."""
    inputs = keras.Input((16, 16, 3))
    first = layers.Conv2D(4, 3, strides=2, padding="same", name="first")(inputs)
    again = layers.Conv2D(4, 3, strides=2, padding="same", name="again")(inputs)
    cell = layers.Concatenate(name="cell")([again, layers.Conv2D(4, 3, padding="same")(first)])
    small = layers.Conv2D(4, 3, strides=2, padding="same")(cell)
    other = layers.Conv2D(4, 3, strides=2, padding="same")(first)
    x = layers.Add(name="sum")([small, other])
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    assert ends(model) == {"stage1": "cell", "stage2": "sum"}


def test_the_network_stays_the_same():
    model = residual()
    network = with_stages(model, keras.Input((16, 16, 3)))
    np.testing.assert_array_equal(network(images()), model(images()))
    assert [id(v) for v in network.weights] == [id(v) for v in model.weights]
    assert network.name == "net"
    outputs = tapped(network, ["stage1", "stage2"])(images())
    expected = tapped(model, ["half_sum", "two_off"])(images())
    np.testing.assert_array_equal(outputs["stage1"], expected["half_sum"])
    np.testing.assert_array_equal(outputs["stage2"], expected["two_off"])


def test_images_of_an_open_size_have_no_stages():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(3, 3, strides=2)(inputs))
    network = with_stages(model, keras.Input((None, None, 3)))
    assert not [layer for layer in network.layers if layer.name.startswith("stage")]
    np.testing.assert_array_equal(network(images()), model(images()))


def test_a_layer_is_put_behind_another():
    inputs = keras.Input((16, 16, 3))
    scale = layers.Rescaling(2.0)
    model = keras.Model(inputs, layers.Conv2D(3, 3)(scale(inputs)))
    network = with_stages(model, keras.Input((16, 16, 3)), after={scale: layers.Rescaling(0.5)})
    bare = keras.Model(inputs, model.layers[-1](inputs))
    np.testing.assert_allclose(network(images()), bare(images()), atol=1e-6)


def test_what_is_made_of_the_images_is_a_part_of_it():
    model, inputs = residual(), keras.Input((16, 16, 3))
    network = with_stages(model, inputs, layers.Rescaling(2.0, 1.0)(inputs))
    np.testing.assert_allclose(network(images()), model(2 * images() + 1), atol=1e-6)
    assert network.input_shape == (None, 16, 16, 3)


def test_batch_norm_trains_as_before():
    inputs = keras.Input((16, 16, 3))
    x = layers.BatchNormalization(momentum=0.0)(inputs)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    network = with_stages(model, keras.Input((16, 16, 3)))
    network(images(), training=True)
    np.testing.assert_allclose(model.layers[1].moving_mean, images().mean((0, 1, 2)), atol=1e-6)
