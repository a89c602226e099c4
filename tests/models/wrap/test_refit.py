import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, residual

from keras_kd.models import shrink
from keras_kd.models.wrap.norms import measure_norms
from keras_kd.models.wrap.refit import least_squares


def test_least_squares():
    """Against the normal equations as one system of equations, the ridge being further rows."""
    rng = np.random.default_rng(0)
    x, y, kernel = rng.normal(size=(30, 4)), rng.normal(size=(30, 2)), rng.normal(size=(4, 2))
    hold = np.sqrt(0.3 * np.mean((x**2).sum(axis=1)))
    rows = np.concatenate([x, hold * np.eye(4)]), np.concatenate([y, hold * kernel])
    expected = np.linalg.lstsq(*rows, rcond=None)[0]
    np.testing.assert_allclose(least_squares(x, y, kernel, ridge=0.3), expected, rtol=1e-10)


def test_what_gives_the_right_answer_is_left():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(30, 4)), rng.normal(size=(4, 2))
    x[:, 1] = 0  # a channel that is silent
    np.testing.assert_allclose(least_squares(x, x @ kernel, kernel), kernel, rtol=1e-10)
    np.testing.assert_array_equal(least_squares(0 * x, 0 * x @ kernel, kernel), kernel)


def doubled(size, norm):
    """The channels 3 to 5 of the inner map are those of 0 to 2, twice as large."""
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="inner_conv")(images)
    x = layers.ReLU()(layers.BatchNormalization(name="inner_bn")(x) if norm else x)
    x = layers.Conv2D(5, size, padding="same", name="outer_conv", activation="tanh")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(3, name="logits")(x))
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    for weight in model.get_layer("inner_bn" if norm else "inner_conv").trainable_weights:
        first = np.asarray(weight)[..., :3]
        weight.assign(np.concatenate([first, 2 * first], axis=-1))
    if norm:
        weight = model.get_layer("inner_conv").kernel
        weight.assign(np.concatenate([np.asarray(weight)[..., :3]] * 2, axis=-1))
        bias = model.get_layer("inner_conv").bias
        bias.assign(np.tile(np.asarray(bias)[:3], 2))
    return model


@pytest.mark.parametrize(("size", "norm"), [(1, False), (3, False), (3, True)])
def test_channels_that_others_tell_go_without_a_change(size, norm):
    """Least squares gives what they added to the kernel of the others."""
    model, x = doubled(size, norm), photographs(40)
    if norm:
        measure_norms(model, [x])  # as they are after the cut
    width = {"inner_conv": 0.5}
    plain = shrink(model, width)
    small = shrink(model, width, images=x)
    wrong = np.abs(plain(x) - model(x)).max()
    assert small.get_layer("inner_conv").filters == 3
    assert wrong > 0.1
    assert np.abs(small(x) - model(x)).max() < 5e-3 * wrong


def test_it_is_nearer_on_other_images_too():
    model, x = residual(), photographs(64)
    other = photographs(64, seed=1)

    def error(**kwargs):
        small = shrink(model, {"inner_conv": 0.5}, **kwargs)
        return np.abs(small(other) - model(other)).mean()

    assert error(images=x) < 0.5 * error()


def test_without_images_or_unfitted_kernels_stay():
    model, x = residual(), photographs(8)
    for small in (shrink(model, 0.5), shrink(model, 0.5, images=x, fit=False)):
        kernel = np.asarray(small.get_layer("outer_conv").kernel)
        assert np.isin(kernel, np.asarray(model.get_layer("outer_conv").kernel)).all()
