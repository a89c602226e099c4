"""DeepInversion's terms against the public formula in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import DeepInversion
from keras_kd.methods.deep_inversion import statistics_gap, total_variation


def test_gap_is_that_of_means_and_biased_variances(rng):
    x = rng.normal(size=(5, 3, 4, 6))
    mean, variance = rng.normal(size=6), rng.uniform(size=6)
    expected = np.linalg.norm(x.mean((0, 1, 2)) - mean)
    expected += np.linalg.norm(x.var((0, 1, 2)) - variance)
    arguments = (tf.constant(each, tf.float32) for each in (x, mean, variance))
    np.testing.assert_allclose(statistics_gap(*arguments), expected, rtol=1e-5)
    own = (tf.constant(e, tf.float32) for e in (x, x.mean((0, 1, 2)), x.var((0, 1, 2))))
    np.testing.assert_allclose(statistics_gap(*own), 0.0, atol=1e-5)


def test_variation_is_the_four_norms_of_the_public_code(rng):
    """Its images are `[B, C, H, W]`."""
    x = rng.normal(size=(2, 3, 4, 5))
    diffs = [
        x[:, :, :, :-1] - x[:, :, :, 1:],
        x[:, :, :-1, :] - x[:, :, 1:, :],
        x[:, :, 1:, :-1] - x[:, :, :-1, 1:],
        x[:, :, :-1, :-1] - x[:, :, 1:, 1:],
    ]
    expected = sum(np.linalg.norm(each) for each in diffs)
    found = total_variation(tf.constant(x.transpose(0, 2, 3, 1), tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def teacher_network(norm="batch"):
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1), norm=norm
    )


def test_the_loss_is_its_terms_on_what_goes_into_the_batch_norms(rng):
    teacher = teacher_network()
    method = DeepInversion(one_hot=0.5, statistics=2.0, variation=0.1, size=0.2, width=2)
    method.networks({"student": teacher, "teacher": teacher})
    norms = [x for x in teacher.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(method.teacher_taps) == len(norms) > 3
    for norm in norms:
        norm.moving_mean.assign(rng.normal(size=norm.moving_mean.shape))
    image = rng.normal(size=(6, 8, 8, 1)).astype("float32")
    inner = keras.Model(teacher.input, [teacher.output, *(norm.input for norm in norms)])
    logits, *maps = (np.asarray(each, "float64") for each in inner(image, training=False))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    gap = 0.0
    for x, norm in zip(maps, norms):
        gap += np.linalg.norm(x.mean((0, 1, 2)) - norm.moving_mean.numpy())
        gap += np.linalg.norm(x.var((0, 1, 2)) - norm.moving_variance.numpy())
    variation = float(total_variation(tf.constant(image)))
    expected = -0.5 * np.log(p.max(-1)) + 2.0 * gap
    expected += 0.1 * variation + 0.2 * np.linalg.norm(image.astype("float64"))
    answer = keras_kd.models.taps.tapped(teacher, method.teacher_taps)(image, training=False)
    found = method({"image": image}, student={}, teacher=answer)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert not method.weights  # the teacher's statistics are not its own


def test_a_teacher_without_batch_norm_is_refused():
    teacher = teacher_network("group")
    with pytest.raises(ValueError, match=r"which has none\. Take dafl or zskt"):
        keras_kd.KDModel(teacher_network(), teacher, [DeepInversion(width=2)])
