"""A network with more classes: what it knew stays, what is new begins, and who cannot have any."""

import keras
import numpy as np
import pytest

import keras_kd
from keras_kd import models
from keras_kd.models import continued, extend
from keras_kd.models.some_classes import UNKNOWN, knowing, known_classes

SHAPE = (8, 8, 1)


def learned(count, seed=0):
    model = models.build("resnet", count, SHAPE, depth=8, width=0.25)
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(0, 0.1, w.shape).astype("float32") for w in model.weights])
    return model


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(-1, 1, (4, *SHAPE)).astype("float32")


def test_old_rows_stand_in_the_order_of_the_data_and_new_ones_are_fresh(x):
    plain = learned(3)
    plain.trainable = False
    old = knowing(plain, [0, 2, 4], 5)
    before = old.get_weights()
    new = extend(old)
    logits = np.asarray(new(x))
    np.testing.assert_allclose(logits[:, [0, 2, 4]], plain(x), atol=1e-6)
    assert logits.shape == (4, 5) and known_classes(new) is None
    kernel, was = (np.asarray(m.get_layer("logits").kernel) for m in (new, plain))
    np.testing.assert_array_equal(kernel[:, [0, 2, 4]], was)
    fresh = learned(2).get_layer("logits").kernel_initializer
    zeros = isinstance(fresh, keras.initializers.Zeros)
    assert zeros == (not kernel[:, [1, 3]].any())
    assert all(weight.trainable for weight in new.trainable_weights)
    assert len(new.trainable_weights) == len(learned(3).trainable_weights)
    new.set_weights([w + 1 for w in new.get_weights()])  # shares none with the old network
    for one, other in zip(before, old.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_in_the_warm_up_the_new_rows_alone_move_and_then_all(x):
    plain = learned(3)
    first = extend(plain, [3, 4], head_alone=True)
    before = {weight.path: weight.numpy().copy() for weight in first.weights}
    kd = keras_kd.KDModel(first, label_weight=1.0, label_classes=[3, 4])
    kd.compile(keras.optimizers.SGD(0.5))
    kd.train_on_batch(x, np.array([3, 4, 3, 4]))
    for weight in first.weights:
        was, now = before[weight.path], weight.numpy()
        if "logits" in weight.path:
            np.testing.assert_array_equal(now[..., :3], was[..., :3])
            assert (now[..., 3:] != was[..., 3:]).any()
        else:  # the statistics of batch norms, too
            np.testing.assert_array_equal(now, was)
    then = continued(first)
    assert len(then.trainable_weights) == len(extend(plain, [3, 4]).trainable_weights)
    np.testing.assert_array_equal(then(x), first(x))


def test_whether_the_head_is_alone_is_yes_or_no():
    with pytest.raises(ValueError, match="head_alone must be True or False"):
        extend(learned(3), [3], head_alone=1)


def test_some_of_the_new_classes_then_the_rest(x):
    old = knowing(learned(2), [3, 4], 5)
    some = extend(old, [0])
    assert known_classes(some) == [0, 3, 4]
    assert (np.asarray(some(x))[:, [1, 2]] == UNKNOWN).all()
    every = extend(some, [1, 2])
    kept = np.asarray(every(x))[:, [0, 3, 4]]
    np.testing.assert_allclose(kept, np.asarray(some(x))[:, [0, 3, 4]], atol=1e-6)


def test_a_plain_network_s_classes_are_the_first(x):
    plain = learned(3)
    np.testing.assert_allclose(np.asarray(extend(plain, [3, 4])(x))[:, :3], plain(x), atol=1e-6)


@pytest.mark.parametrize("form", ["flatten", "reshape"])
def test_a_classifier_of_one_pixel(form, x):
    images = keras.Input(SHAPE)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(keras.layers.Conv2D(6, 3)(images))
    logits = keras.layers.Conv2D(3, 1)(pooled)
    last = {"flatten": keras.layers.Flatten, "reshape": lambda: keras.layers.Reshape((3,))}[form]
    plain = keras.Model(images, keras.layers.Dropout(0.1)(last()(logits)))
    new = extend(plain, [3, 4])
    assert new.output_shape == (None, 5)
    np.testing.assert_allclose(np.asarray(new(x))[:, :3], plain(x), atol=1e-6)


def test_under_half_precision_the_logits_stay_float32(x):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        new = extend(knowing(learned(2), [0, 1], 4), [2])
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert new.output.dtype == "float32" and (np.asarray(new(x))[:, 3] == UNKNOWN).all()
    assert new.get_layer("stem_conv").compute_dtype == "float16"


def refused():
    images = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(images)
    squashed = keras.Model(images, keras.layers.Dense(3, activation="softmax")(flat))
    scaled = keras.Model(images, keras.layers.Rescaling(2.0)(keras.layers.Dense(3)(flat)))
    some = knowing(learned(2), [1, 2], 4)
    return [
        (some, [0, 1], r"which knows 2 of the data's classes.*of which it knows 1 already"),
        (learned(2), None, r"which knows all 2 of the data's classes, and classes=\(\)"),
        (squashed, [3], r"ends in a linear Dense or Conv2D layer"),
        (scaled, [3], r"of type Rescaling at its end"),
    ]


@pytest.mark.parametrize("number", range(4))
def test_what_cannot_be_extended(number):
    model, classes, words = refused()[number]
    with pytest.raises(ValueError, match=words):
        extend(model, classes)
