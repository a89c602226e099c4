"""Layers that know the fake quantisers around them."""

import keras
import numpy as np
from keras import layers
from shrunk import photographs, residual

from keras_kd.models import quantize_aware
from keras_kd.models.wrap import rounding, unquantized
from keras_kd.models.wrap.neighbours import Neighbours, RoundedAdd, RoundedMean


def rounded():
    return quantize_aware(residual(), images=photographs(16))


def test_every_layer_knows_its_quantisers_after_loading_and_copying_too(tmp_path):
    model = rounded()
    model.save(tmp_path / "m.keras")
    keras.models.clone_model(model)  # calls new layers only
    keras.Model(model.input, layers.Dense(2)(model(model.input)))  # calls the same ones again
    for one in (model, keras.models.load_model(tmp_path / "m.keras")):
        found = {x.name: x for x in one.layers if isinstance(x, Neighbours)}
        assert len(found) == 6  # four kernels, a sum, a mean
        total = found["sum"]
        assert isinstance(total, RoundedAdd) and isinstance(found["pre_logits"], RoundedMean)
        ranges = [one.get_layer(f"{name}_range") for name in ("outer_conv", "stem")]
        np.testing.assert_array_equal(total.steps_before(), [x.step() for x in ranges])
        assert total.step_behind() == one.get_layer("sum_range").step()
        stem = found["stem_conv"]  # a ReLU between is done in the same step
        assert stem.steps_before() == [one.get_layer("image_range").step()]
        assert stem.step_behind() == one.get_layer("stem_range").step()


def test_what_comes_out_is_whole_steps():
    model, x = rounded(), photographs(4)
    names = ("inner_conv", "outer_conv", "sum", "pre_logits", "logits")
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])(x)
    for name, output in zip(names, outputs):
        steps = output / model.get_layer(name).step_behind()
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)


def test_a_converter_and_training_see_floats():
    model, x = rounded(), photographs(4)
    inner = keras.Model(model.input, model.get_layer("sum").output)
    with rounding.marks_for_a_converter():
        plain = inner(x)
    step = model.get_layer("sum_range").step()
    assert np.abs(plain / step - np.round(plain / step)).max() > 0.1
    np.testing.assert_allclose(plain, inner(x), atol=1.5 * float(step))
    np.testing.assert_allclose(model(x, training=True), model(x), atol=0.1)


def test_a_layer_that_is_called_in_two_places_runs_in_floats():
    layer, x = RoundedMean(), keras.Input((4, 4, 3))
    model = keras.Model(x, layer(layers.ReLU()(x)))
    assert layer.steps_before() is None and layer.step_behind() is None
    images = photographs(2, (4, 4, 3))
    np.testing.assert_allclose(model(images), np.maximum(images, 0).mean((1, 2)), atol=1e-6)


def test_unquantized_has_plain_layers_again():
    plain = unquantized(rounded())
    assert type(plain.get_layer("sum")) is layers.Add
    assert type(plain.get_layer("pre_logits")) is layers.GlobalAveragePooling2D
