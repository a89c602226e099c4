"""Standardised logits, as an option of every logit method."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import METHODS, LogitL2, SoftTargets
from keras_kd.methods.logits import LogitMethod, standardized

# Peers have tests of their own: several networks are their sources.
LOGIT_METHODS = sorted(
    name
    for name, cls in METHODS.items()
    if issubclass(cls, LogitMethod) and not cls.several_sources
)


def reference(x):
    return (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)


def test_it_is_the_z_score_of_the_paper(logits, numpy):
    numpy.check(
        LogitL2(standardize=True),
        lambda s, t: 0.5 * ((reference(s["logits"]) - reference(t["logits"])) ** 2).sum(-1),
        *logits,
    )


def test_the_public_implementation_differs_by_a_constant(logits):
    ours = standardized(tf.constant(logits[0], tf.float32))
    # torch.std divides by K - 1 = 4 where the paper divides by K = 5.
    theirs = (logits[0] - logits[0].mean(-1, keepdims=True)) / logits[0].std(
        -1, ddof=1, keepdims=True
    )
    np.testing.assert_allclose(ours, theirs * np.sqrt(5 / 4), rtol=1e-5)


def test_size_and_shift_of_the_students_logits_do_not_matter(logits, numpy):
    student, teacher = logits
    method = SoftTargets(temperature=2.0, standardize=True)
    one = numpy.loss_of(method, student, teacher)
    np.testing.assert_allclose(numpy.loss_of(method, 7.0 * student + 3.0, teacher), one, rtol=1e-4)


def test_equal_logits_give_a_finite_gradient():
    variable = tf.Variable(tf.ones((2, 3)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(standardized(variable) * tf.constant([1.0, 2.0, 3.0]))
    assert np.isfinite(tape.gradient(total, variable)).all()


@pytest.mark.parametrize("name", LOGIT_METHODS)
def test_every_logit_method_takes_the_option(name, logits, numpy):
    assert "kwargs" in inspect.signature(METHODS[name]).parameters
    method = METHODS[name](standardize=True)
    batch = {"labels": tf.constant([0, 1, 2, 3, 4, 0])}
    student, teacher = logits
    plain = numpy.loss_of(METHODS[name](), student, teacher, batch)
    other = numpy.loss_of(method, student, teacher, batch)
    assert np.abs(plain - other).max() > 1e-3
    assert type(method).from_config(method.get_config()).standardize


def test_only_true_and_false_are_taken():
    with pytest.raises(ValueError, match="standardize must be True or False"):
        SoftTargets(standardize="yes")
