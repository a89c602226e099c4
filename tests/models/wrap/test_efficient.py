"""Networks with cheaper operations: what they start from, what stays, what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from rounded import outputs_of, varied
from shrunk import photographs, residual, shaken

from keras_kd import models
from keras_kd.models import efficient, quantize_aware, shrink
from keras_kd.models.wrap.efficient import OPERATIONS, is_positive
from keras_kd.models.wrap.graph import calls_of

SHAPE = (8, 8, 3)


def of_all_kinds():
    """Strides, dilation, paddings, a bias, an activation, a layer called twice, a nested model."""
    images = keras.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, padding="same", name="stem")(images)
    twice = layers.Conv2D(8, 3, padding="same", activation="tanh", name="twice")
    x = twice(twice(x))
    x = layers.Conv2D(8, (3, 2), strides=2, padding="same", use_bias=False, name="strided")(x)
    x = layers.ReLU(name="before_dilated")(x)
    x = layers.ZeroPadding2D(2)(x)
    x = layers.Conv2D(10, 3, dilation_rate=2, activation="gelu", name="dilated")(x)
    inner = keras.Input(x.shape[1:])
    y = layers.Conv2D(12, 5, groups=2, padding="same", name="grouped")(inner)
    nested = keras.Model(inner, layers.Conv2D(6, 3, strides=2, name="within")(y), name="nested")
    x = layers.GlobalAveragePooling2D(name="pre_logits")(nested(x))
    return shaken(keras.Model(images, layers.Dense(3, name="logits")(x), name="kinds"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_full_rank_gives_the_same_logits(operation):
    model, x = of_all_kinds(), photographs(4, (12, 12, 3))
    new = efficient(model, operation, rank=25)
    np.testing.assert_allclose(new(x), model(x), rtol=1e-4, atol=1e-5)
    kinds = {name: type(new.get_layer(name)) for name in ("stem", "grouped", "within")}
    assert set(kinds.values()) == {layers.Conv2D}
    sizes = {x.name: x.kernel_size for x in new.layers if isinstance(x, layers.Conv2D)}
    assert {name for name, size in sizes.items() if max(size) > 1} == {"stem", "grouped"}
    depthwise = {x.name: x for x in new.layers if isinstance(x, layers.DepthwiseConv2D)}
    assert set(depthwise) == {f"{x}_depthwise" for x in ("twice", "strided", "dilated", "within")}
    assert depthwise["strided_depthwise"].strides == (2, 2)
    assert depthwise["dilated_depthwise"].dilation_rate == (2, 2)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_bit(operation, norm):
    """Weight standardisation is applied once: full rank is exact."""
    model = shaken(models.bit_resnet((1, 1), 0.125, 4, SHAPE, norm=norm, small_root=True))
    x = photographs(4)
    new = efficient(model, operation, rank=9)
    np.testing.assert_allclose(new(x), model(x), rtol=1e-3, atol=1e-4)
    assert type(new.get_layer("block1_unit01_conv2")) is layers.Conv2D  # no standardisation
    assert {"stem", "stage1", "stage2", "pre_logits"} <= {one.name for one in new.layers}


def test_parameters_as_worked_out_by_hand():
    """9*8*6 and 9*6*8 kernels of `residual` become 9*8 + 8*6 and 9*6 + 6*8."""
    model = residual()
    new = efficient(model)
    saved = (9 * 8 * 6 - 9 * 8 - 8 * 6) + (9 * 6 * 8 - 9 * 6 - 6 * 8)
    assert new.count_params() == model.count_params() - saved
    # Behind a ReLU: 16 and 12 channels between, with biases.
    new = efficient(model, "inverted_bottleneck")
    first = 8 * 16 + 16 + 9 * 16 + 16 + 16 * 6
    second = 6 * 12 + 12 + 9 * 12 + 12 + 12 * 8
    assert new.count_params() == model.count_params() - 2 * 9 * 48 + first + second


def test_more_rank_is_nearer():
    model, x = residual(), photographs(16)
    errors = [np.abs(efficient(model, rank=rank)(x) - model(x)).mean() for rank in (1, 3, 5)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 2 * errors[-1]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_images_bring_it_nearer(operation):
    """The pointwise kernels are fitted, on images that are not those that are looked at."""
    model, x = residual(), photographs(32, seed=1)
    plain, fitted = (efficient(model, operation, images=photographs(64), fit=fit)(x)
                     for fit in (False, True))  # fmt: skip
    assert np.abs(fitted - model(x)).mean() < 0.7 * np.abs(plain - model(x)).mean()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_trains_saves_and_leaves_its_model_alone(operation, tmp_path):
    model = residual()
    model.trainable, before = False, model.get_weights()
    new, x = efficient(model, operation), photographs(8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(new(x, training=True) ** 2)
    for weight, gradient in zip(
        new.trainable_variables, tape.gradient(loss, new.trainable_variables)
    ):
        assert np.any(gradient), weight.path
        weight.assign_sub(1e-3 * gradient)
    np.testing.assert_equal(model.get_weights(), before)
    new.save(tmp_path / "new.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "new.keras")(x), new(x))


def test_precision_and_size_of_images():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        new = efficient(residual(), "inverted_bottleneck", input_shape=(12, 12, 3))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert new.input_shape == (None, 12, 12, 3) and new.output.dtype == "float32"
    names = ("inner_conv_expand", "inner_conv_depthwise", "inner_conv", "inner")
    assert {new.get_layer(name).compute_dtype for name in names} == {"bfloat16"}


def test_it_is_cut_and_quantised():
    """What comes out is a plain network: the other wrappers take it."""
    x = photographs(32)
    small = shrink(efficient(residual(), "inverted_bottleneck"), 0.5, images=x)
    assert small.count_params() < efficient(residual()).count_params()
    aware = quantize_aware(efficient(varied(residual(), SHAPE), images=x), images=x)
    assert aware.get_layer("inner_conv_depthwise").bits == 8
    assert np.isfinite(aware(x)).all()


def test_keep():
    names = lambda model: {x.name for x in model.layers}  # noqa: E731
    assert "inner_conv_depthwise" not in names(efficient(residual(), keep="inner_*"))
    assert "outer_conv_depthwise" in names(efficient(residual(), keep=("inner_conv",)))


def test_what_is_behind_a_relu():
    images = keras.Input((8, 8, 4))
    tensors = {
        "images": images,
        "relu": keras.ops.relu(images),
        "pooled": layers.MaxPooling2D()(layers.ZeroPadding2D()(layers.ReLU()(images))),
        "leaky": layers.ReLU(negative_slope=0.1)(images),
        "convolved": layers.Conv2D(4, 1, activation="relu")(images),
        "linear": layers.Conv2D(4, 1)(images),
    }
    outputs = layers.Concatenate()([layers.Flatten()(x) for x in tensors.values()])
    network = calls_of(keras.Model(images, layers.Dense(2)(outputs)))
    made_by = {id(call.output): call for call in network.calls}
    last = network.calls[-2]  # the concatenation
    found = [is_positive(tensor, made_by) for tensor in last.tensors]
    assert found == [False, True, True, False, True, False]


def test_a_larger_one_is_told_of(caplog):
    efficient(residual(), rank=9)
    assert "no smaller" in caplog.text
    caplog.clear()
    efficient(residual())
    assert not caplog.text


def with_layer(layer, channels=8):
    images = keras.Input((8, 8, channels))
    x = layers.GlobalAveragePooling2D()(layer(images))
    return keras.Model(images, layers.Dense(3)(x), name="tried")


@pytest.mark.parametrize(("arguments", "words"), [
    ({"operation": "seperable"}, r"Received: operation='seperable'. Did you mean 'separable'"),
    ({"rank": 0}, r"rank must be a whole number of at least 1. Received: rank=0"),
    ({"rank": True}, "rank must be"),
    ({"keep": "iner_conv"}, r"'iner_conv'. Did you mean 'inner_conv'\? There are: inner_conv, o"),
    ({"keep": "*"}, r"model='residual', which has none besides those to keep"),
    ({"images": np.zeros((0, 8, 8, 3))}, r"images must be \[N, 8, 8, 3\]"),
])  # fmt: skip
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        efficient(residual(), **arguments)


def test_strides_of_two_kinds_are_refused_by_name_and_the_advice_works():
    model = with_layer(layers.Conv2D(8, 3, strides=(1, 2), name="odd"))
    with pytest.raises(ValueError, match=r"layer 'odd' with strides=\(1, 2\).*keep=\('odd',\)"):
        efficient(model)
    images = keras.Input((8, 8, 8))
    x = layers.Conv2D(8, 3, name="even")(model.layers[1](images))
    model = keras.Model(images, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    assert efficient(model, keep=("odd",)).get_layer("odd").kernel_size == (3, 3)


def test_models_that_are_refused():
    for layer in (layers.Conv2D(8, 1), layers.DepthwiseConv2D(3)):
        with pytest.raises(ValueError, match=r"efficient replaces.*model='tried', which has none"):
            efficient(with_layer(layer))
    with pytest.raises(ValueError, match=r"more than 4 channels.*has none"):
        efficient(with_layer(layers.Conv2D(8, 3), channels=3))
    with pytest.raises(ValueError, match=r"efficient takes a network in floats.*'image_range'"):
        efficient(quantize_aware(residual(), images=photographs(4)))
    with pytest.raises(ValueError, match="efficient takes functional and Sequential"):
        efficient(keras.Sequential([layers.Conv2D(3, 3)]))


@pytest.mark.slow
def test_the_int8_file_of_one_in_few_bits():
    from keras_kd.export import few_bits

    x = photographs(64)
    student = quantize_aware(efficient(varied(residual(), SHAPE), images=x), images=x)
    answers, step = outputs_of(few_bits.converted(student, None, "int8", "logits"), x)
    assert np.abs(answers - student(x)).max() <= 2.01 * step
