"""Which tensors are held in 8 bits."""

import keras
from keras import layers
from rounded import of_all_kinds

from keras_kd.models.layers import GroupNorm
from keras_kd.models.wrap.folded import folded
from keras_kd.models.wrap.graph import calls_of
from keras_kd.models.wrap.points import points, stays_float


def names(model):
    return {point.call.layer.name: point.ends for point in points(calls_of(model))}


def test_every_layer_but_those_that_move_numbers():
    found = names(folded(calls_of(of_all_kinds()), "f"))
    held = ("first", "first_activation", "alone", "separable_depthwise", "separable", "leaky",
            "larger", "both", "grouped", "grouped_activation", "hidden", "logits")  # fmt: skip
    assert set(held) <= set(found)
    assert not [name for name in found if "flatten" in name or "dropout" in name or "max_" in name]
    assert found["gate_activation"] == (0.0, 255 / 256)
    assert found["hidden_activation"] == (-1.0, 127 / 128)
    assert not [name for name in found if name.startswith("add")]  # a ReLU of its own comes next


def test_a_relu_is_done_in_one_step_with_what_it_alone_reads():
    images = keras.Input((8, 8, 3))
    read_once = layers.Conv2D(4, 1, name="once")(images)
    twice = layers.Conv2D(4, 1, name="twice")(layers.ReLU(6.0, name="first_relu")(read_once))
    x = layers.Add(name="sum")([layers.ReLU(name="second_relu")(twice), twice])
    norm = GroupNorm(2, name="norm")
    x = layers.ReLU(name="third_relu")(norm(x))
    found = names(keras.Model(images, layers.Flatten()(x)))
    assert set(found) == {"first_relu", "twice", "second_relu", "sum", "third_relu"}
    assert stays_float(norm) and not stays_float(layers.ReLU())
