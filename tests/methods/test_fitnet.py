"""Hints: the loss by hand, and a projector for every pair of shapes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import Hint


def built(student, teacher):
    method = Hint(student_taps=["s"], teacher_taps=["t"])
    method.build({}, {"s": student}, {"t": teacher})
    return method


def test_equal_shapes_need_no_projector():
    method = built((None, 2, 2, 3), (None, 2, 2, 3))
    rng = np.random.default_rng(0)
    s, t = rng.normal(size=(2, 5, 2, 2, 3))
    loss = method({}, {"s": tf.constant(s, tf.float32)}, {"t": tf.constant(t, tf.float32)})
    assert method.trainable_variables == []
    np.testing.assert_allclose(loss, ((s - t) ** 2).mean((1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("student", [(2, 2, 3), (4, 4, 3), (3, 5, 3)], ids=str)
def test_a_half_precision_policy_changes_nothing(student):
    """Every projector computes in float32: none, a strided one, resizing."""
    s, t = tf.random.normal((5, *student)), tf.random.normal((5, 2, 2, 3))
    losses = []
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)  # the same projector
        keras.mixed_precision.set_dtype_policy(policy)
        try:
            losses.append(built((None, *student), (None, 2, 2, 3))({}, {"s": s}, {"t": t}))
        finally:
            keras.mixed_precision.set_dtype_policy("float32")
    assert losses[1].dtype == tf.float32
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_a_dense_projector_by_hand():
    method = built((None, 3), (None, 2))
    kernel, bias = (v.numpy().astype("float64") for v in method.trainable_variables)
    rng = np.random.default_rng(0)
    s, t = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    loss = method({}, {"s": tf.constant(s, tf.float32)}, {"t": tf.constant(t, tf.float32)})
    np.testing.assert_allclose(loss, ((s @ kernel + bias - t) ** 2).mean(1), rtol=1e-5)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        ((8, 8, 4), (8, 8, 6)),
        ((8, 8, 4), (4, 4, 6)),
        ((4, 4, 4), (8, 8, 4)),
        ((7, 7, 4), (4, 4, 6)),
        ((3, 5, 4), (4, 4, 6)),
        ((8, 4, 4), (4, 8, 4)),
        ((6, 6, 3), (5,)),
        ((4,), (5,)),
        ((10, 4), (10, 6)),
    ],
)
def test_a_projector_learns_for_every_pair_of_shapes(student, teacher):
    method = built((None, *student), (None, *teacher))
    s, t = tf.random.normal((3, *student)), tf.random.normal((3, *teacher))
    with tf.GradientTape() as tape:
        tape.watch(s)
        loss = method({}, {"s": s}, {"t": t})
    assert loss.shape == (3,)
    targets = [v.value for v in method.trainable_variables]
    gradients = tape.gradient(loss, [s, *targets])
    assert len(targets) == 2
    assert all(g is not None and float(tf.norm(g)) > 0 for g in gradients)


def test_several_pairs_add_up():
    one, other = built((None, 3), (None, 3)), built((None, 4), (None, 4))
    both = Hint(student_taps=["a", "b"], teacher_taps=["a", "b"])
    shapes = {"a": (None, 3), "b": (None, 4)}
    both.build({}, shapes, shapes)
    s = {"a": tf.random.normal((2, 3)), "b": tf.random.normal((2, 4))}
    t = {"a": tf.random.normal((2, 3)), "b": tf.random.normal((2, 4))}
    parts = [one({}, {"s": s["a"]}, {"t": t["a"]}), other({}, {"s": s["b"]}, {"t": t["b"]})]
    np.testing.assert_allclose(both({}, s, t), sum(parts), rtol=1e-6)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [((4,), (2, 2, 4)), ((None, None, 4), (2, 2, 4)), ((5, 4), (6, 4)), ((2, 2, 4), (5, 4))],
)
def test_shapes_that_do_not_meet_are_refused(student, teacher):
    with pytest.raises(ValueError, match="student tap 's'"):
        built((None, *student), (None, *teacher))


def test_taps_are_required():
    with pytest.raises(ValueError, match="needs taps"):
        Hint()
    with pytest.raises(ValueError, match="matched in pairs"):
        Hint(student_taps=["a"], teacher_taps=["a", "b"])
    with pytest.raises(ValueError, match="list of layer names"):
        Hint(student_taps="a", teacher_taps="b")


def test_config_round_trip():
    method = Hint(student_taps=["a"], teacher_taps=["b"], weight=2.0)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    assert (copy.student_taps, copy.teacher_taps, copy.weight) == (("a",), ("b",), 2.0)
