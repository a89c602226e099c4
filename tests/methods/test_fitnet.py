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
    assert built((8, 2, 2, 3), (None, 2, 2, 3)).trainable_variables == []  # nor a fixed batch one


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


def strided(x, kernel, stride):
    """A convolution whose windows start every `stride` pixels, padded to size / stride outputs."""
    k, total = kernel.shape[0], kernel.shape[0] - stride
    before = total // 2
    x = np.pad(x, ((0, 0), (before, total - before), (before, total - before), (0, 0)))
    out, sides = 0.0, [(side - k) // stride + 1 for side in x.shape[1:3]]
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + stride * sides[0], stride)
            out = out + x[:, rows, j : j + stride * sides[1] : stride] @ kernel[i, j]
    return out


def transposed(x, kernel, stride):
    """Every pixel lays its kernel `[k, k, out, in]` down, `stride` apart; the rim is cut off."""
    k, (height, width) = kernel.shape[0], x.shape[1:3]
    out = np.zeros((len(x), stride * (height - 1) + k, stride * (width - 1) + k, kernel.shape[2]))
    for i in range(k):
        for j in range(k):
            rows = slice(i, i + stride * height, stride)
            out[:, rows, j : j + stride * width : stride] += x @ kernel[i, j].T
    before = (k - stride) // 2
    return out[:, before : before + stride * height, before : before + stride * width]


def bilinear(size, target):
    """Linear interpolation between the centres of pixels, as a matrix `[target, size]`."""
    place = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(size)))


def resized(x, kernel, size):
    x = np.einsum("hH,wW,bHWc->bhwc", *(bilinear(*s) for s in zip(x.shape[1:3], size)), x)
    return x @ kernel[0, 0]


@pytest.mark.parametrize(
    ("student", "teacher", "project"),
    [
        ((4, 4, 3), (4, 4, 5), lambda x, kernel: x @ kernel[0, 0]),
        ((8, 8, 3), (4, 4, 5), lambda x, kernel: strided(x, kernel, 2)),
        ((6, 6, 3), (2, 2, 4), lambda x, kernel: strided(x, kernel, 3)),
        ((2, 2, 3), (4, 4, 5), lambda x, kernel: transposed(x, kernel, 2)),
        ((2, 2, 3), (6, 6, 4), lambda x, kernel: transposed(x, kernel, 3)),
        ((7, 5, 3), (4, 4, 5), lambda x, kernel: resized(x, kernel, (4, 4))),
        ((3, 3, 3), (4, 5, 2), lambda x, kernel: resized(x, kernel, (4, 5))),
    ],
    ids=["1x1", "half", "third", "double", "triple", "smaller", "larger"],
)
def test_value_and_gradient_are_those_of_numpys_projector(rng, numpy, student, teacher, project):
    method = built((None, *student), (None, *teacher))
    kernel, bias = method.trainable_variables
    bias.assign(rng.normal(size=bias.shape))
    kernel, bias = (v.numpy().astype("float64") for v in (kernel, bias))

    def reference(s, t):
        return ((project(s["s"], kernel) + bias - t["t"]) ** 2).mean((1, 2, 3))

    student, teacher = rng.normal(size=(3, *student)), rng.normal(size=(3, *teacher))
    numpy.check(method, reference, {"s": student}, {"t": teacher})


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


@pytest.mark.parametrize("student", [(4, 4, 5), (4, 4, 3), (8, 8, 3)], ids=str)
def test_the_peers_projector_ends_in_batch_norm_and_relu(rng, numpy, student):
    """Batch norm by hand: RepDistiller's ConvReg, also where the shapes are equal."""
    method = Hint(student_taps=["a"], teacher_taps=["a"], normalize=True)
    s, t = {"a": rng.normal(size=(3, *student))}, {"a": rng.normal(size=(3, 4, 4, 5))}
    numpy.build(method, s, t)
    kernel, bias, gamma, beta = method.trainable_variables
    for weight in (bias, gamma, beta):
        weight.assign(rng.normal(size=weight.shape))
    kernel, bias, gamma, beta = (v.numpy().astype("float64") for v in (kernel, bias, gamma, beta))

    def reference(s, t):
        x = s["a"] @ kernel[0, 0] if student[0] == 4 else strided(s["a"], kernel, 2)
        x = x + bias
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        x = (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        return ((np.maximum(x, 0) - t["a"]) ** 2).mean((1, 2, 3))

    numpy.check(method, reference, s, t)


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
    method = Hint(student_taps=["a"], teacher_taps=["b"], normalize=True, weight=2.0)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    assert copy.normalize
    assert (copy.student_taps, copy.teacher_taps, copy.weight) == (("a",), ("b",), 2.0)
