"""BYOT against its formula in NumPy; the last answer is constant; exits are told of and stay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel, models
from keras_kd.methods import BYOT
from keras_kd.models.taps import tapped

LABELS = np.array([0, 4, 2, 1, 1, 3])


def conv(x, kernel, bias, numpy):
    return np.maximum(numpy.convolve(x, kernel) + bias, 0.0)


@pytest.mark.parametrize("hints", [False, True])
def test_it_is_the_formula(rng, numpy, hints):
    """sum (1 - a) CE + a CE(p_last, p_i) - H(p_last), and distances but for the first."""
    features = "vector" if hints else ""
    method = BYOT(["one", "two"], alpha=0.4, temperature=2.0, features=features, hint_weight=0.1)
    maps = {"one": rng.normal(size=(6, 2, 2, 3)), "two": rng.normal(size=(6, 2, 2, 4))}
    fixed = {"vector": rng.normal(size=(6, 7)), "logits": rng.normal(size=(6, 5))}
    numpy.build(method, {**maps, **fixed}, fixed)
    constant = {name: tf.Variable(value, dtype=tf.float32) for name, value in fixed.items()}
    weights = [[w.numpy().astype("float64") for w in net.weights] for net in method.heads]
    hint = [w.numpy().astype("float64") for hint in method.hints for w in hint.weights]

    def loss(batch, student, teacher):
        with tf.GradientTape() as tape:
            found = method(batch, {**student, **constant}, {})
        assert tape.gradient(found, list(constant.values())) == [None, None]
        return found

    loss.built = True

    def reference(s, t):
        p = numpy.softmax(fixed["logits"] / 2)
        loss = np.zeros(6)
        for index, (name, (kernel, bias, dense, shift)) in enumerate(zip(("one", "two"), weights)):
            pooled = conv(s[name], kernel, bias, numpy).mean((1, 2))
            z = pooled @ dense + shift
            hard = -np.log(numpy.softmax(z))[range(6), LABELS]
            soft = (p * (np.log(p) - np.log(numpy.softmax(z / 2)))).sum(1)
            loss += 0.6 * hard + 0.4 * soft
            if hints and index:
                loss += 0.1 * ((pooled @ hint[0] + hint[1] - fixed["vector"]) ** 2).sum(1)
        return loss

    numpy.check(loss, reference, maps, fixed, batch={"labels": tf.constant(LABELS)})


def test_an_exit_that_answers_like_the_last_section_learns_nothing_from_it(rng, numpy):
    method = BYOT(["one"], alpha=1.0)
    maps = rng.normal(size=(6, 2, 2, 3))
    numpy.build(method, {"one": maps, "logits": np.zeros((6, 5))}, {"logits": np.zeros((6, 5))})
    own = method.heads[0](tf.constant(maps, tf.float32))["logits"]
    student = {"one": tf.constant(maps, tf.float32), "logits": own}
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = method({"labels": tf.constant(LABELS)}, student, {})
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, student["one"]), 0.0, atol=1e-6)


def test_exits_are_told_of_and_the_student_leaves_as_it_was():
    student = models.resnet(8, 0.25, 3, (8, 8, 1))
    names = [weight.path for weight in student.weights]
    exits = BYOT(["stage1", "stage2"], features="pre_logits", width=6)
    kd = KDModel(student, None, exits, label_weight=1.0)
    kd.compile(keras.optimizers.SGD(0.1))
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    before = [w.numpy() for w in exits.trainable_variables]
    kd.train_on_batch(x, np.array([0, 1, 2, 0]))
    moved = [np.abs(w.numpy() - old).max() for w, old in zip(exits.trainable_variables, before)]
    assert min(moved) > 0
    assert [weight.path for weight in kd.student.weights] == names
    beside = kd.beside_student()
    assert list(beside) == ["exit_stage1", "exit_stage2"]
    maps = tapped(student, exits.sections)(x)
    for tap, model, network in zip(exits.sections, beside.values(), exits.heads):
        np.testing.assert_allclose(model(x), network(maps[tap])["logits"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"name the last map of one at least.*student_taps=\[\].*tap_names"),
        ({"student_taps": ["late"], "features": "late"}, "the last map of one at least"),
        ({"student_taps": ["late"], "alpha": 2.0}, "alpha=2"),
        (
            {"student_taps": ["late"], "exits": ["late", "early"]},
            r"an exit for each tapped section.*exits=\['late', 'early'\].*Tap the other",
        ),
        ({"student_taps": ["late"], "temperature": 0}, "temperature"),
    ],
)
def test_bad_input_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        BYOT(**arguments)


def test_taps_are_maps():
    student = models.resnet(8, 0.25, 3, (8, 8, 1))
    with pytest.raises(ValueError, match=r"read maps.*'pre_logits'"):
        KDModel(student, None, BYOT(["pre_logits"]), 1.0)


def test_exits_that_are_asked_for_leave_with_the_student():
    student = models.resnet(8, 0.25, 3, (8, 8, 1))
    method = BYOT(["stage1", "stage2"], exits=["stage2"])
    kd = KDModel(student, None, method, 1.0)
    whole = method.with_exits(student)
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    answers = whole(x)
    assert set(answers) == {"logits", "exit_stage2"}
    np.testing.assert_allclose(answers["logits"], student(x), rtol=1e-5, atol=1e-6)
    early = kd.beside_student()["exit_stage2"](x)
    np.testing.assert_allclose(answers["exit_stage2"], early, rtol=1e-5, atol=1e-6)
    assert BYOT(["stage1"]).with_exits(student) is None
