import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, residual

from keras_kd import models
from keras_kd.models import shrink
from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.rebuild import cut_weights, without


def test_parameters_as_worked_out_by_hand():
    """8, 6, 8 channels become 4, 3, 4; batch norms have four values a channel."""
    stem, inner, outer = 27 * 4 + 4 * 4, 9 * 4 * 3 + 4 * 3, 9 * 3 * 4 + 4
    assert shrink(residual(), 0.5).count_params() == stem + inner + outer + 4 * 3 + 3


def test_weights_are_those_of_the_kept_channels():
    model = residual()
    network = follow(calls_of(model))
    call = next(call for call in network.calls if call.layer.name == "inner_conv")
    keep = np.ones(network.groups.group_of.size, bool)
    keep[call.ins[0][[1, 5]]] = keep[call.out[2]] = False
    kernel = model.get_layer("inner_conv").kernel.numpy()
    expected = np.delete(np.delete(kernel, [1, 5], 2), 2, 3)
    np.testing.assert_array_equal(cut_weights(call, keep)[0], expected)


def test_the_new_model_is_its_own():
    model = residual()
    model.trainable = False
    before = model.get_weights()
    new = shrink(model, 1.0)
    assert [x.name for x in new.layers[1:]] == [x.name for x in model.layers[1:]]
    assert len(new.trainable_variables) == 10
    for weight in new.weights:
        weight.assign(0 * weight)
    np.testing.assert_equal(model.get_weights(), before)


def test_it_has_the_precision_that_is_set_and_float32_logits(tmp_path):
    model = residual()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        new = shrink(model, 0.5)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert new.get_layer("inner_conv").compute_dtype == "bfloat16"
    assert new.output.dtype == "float32"
    assert shrink(new, 1.0).get_layer("inner_conv").compute_dtype == "float32"


def test_it_loads_again(tmp_path):
    new, x = shrink(residual(), 0.5), photographs(2)
    new.save(tmp_path / "new.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "new.keras")(x), new(x))


def test_without_nothing_is_the_same():
    model, x = residual(), photographs(2)
    np.testing.assert_array_equal(without(calls_of(model), {})(x), model(x))


class OwnPart(keras.Model):
    """A user's part of a network, with arguments that its config does not tell."""

    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 8 * 8 * 8)))


@pytest.mark.parametrize("wrapper", [models.shrink, models.efficient, models.quantize_aware])
@pytest.mark.parametrize("kind", ["OwnPart", "Lambda"])
def test_a_layer_that_no_config_makes_again_is_named(wrapper, kind):
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same")(layers.Conv2D(8, 3, padding="same")(images))
    if kind == "Lambda":
        x = layers.Dense(4)(layers.Flatten()(layers.Lambda(lambda v: 2 * v, name="own")(x)))
    else:
        part = OwnPart(4)
        part.name = "own"
        x = part(x)
    given = {"images": photographs(8)} if wrapper is models.quantize_aware else {}
    with pytest.raises(ValueError, match=r"Received: layer 'own' of type \w+, wh.*\. [A-Z]"):
        wrapper(keras.Model(images, x), **given)
