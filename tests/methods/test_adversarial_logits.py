"""Adversarial logits: both losses in closed form, and who moves."""

import keras
import numpy as np
import tensorflow as tf

from keras_kd import KDModel
from keras_kd.methods import AdversarialLogits

CLASSES = 3


def linear(seed):
    keras.utils.set_random_seed(seed)
    images = keras.Input((4,))
    return keras.Model(images, keras.layers.Dense(CLASSES, use_bias=False)(images))


def model(**arguments):
    kd = KDModel(linear(1), linear(2), AdversarialLogits(width=4, **arguments), seed=0)
    kd.compile({name: keras.optimizers.SGD(0.1) for name in kd.learners})
    return kd


def softplus(x):
    return np.logaddexp(0.0, x)


def cross_entropy(z, y):
    return np.log(np.exp(z).sum(-1)) - z[np.arange(len(y)), y]


def answers(kd, z):
    """What the critic says, float64: (the teacher's or not, classes)."""
    found = np.asarray(kd.learners["critic"]([tf.constant(z, tf.float32)]), "float64")[:, 0]
    return found[:, 0], found[:, 1:]


def test_losses_are_those_of_the_formula(rng):
    kd = model(distance=0.5)
    x, y = rng.normal(size=(6, 4)).astype("float32"), rng.integers(0, CLASSES, 6)
    s, t = (np.asarray(net(x), "float64") for net in (kd.student, kd.teacher))
    (own, own_classes), (real, real_classes) = answers(kd, s), answers(kd, t)
    student = softplus(-own) + cross_entropy(own_classes, y)
    judge = softplus(-real) + softplus(own) + cross_entropy(own_classes, y)
    judge += cross_entropy(real_classes, y)
    logs = kd.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(logs["adversarial_logits"], student.mean(), rtol=1e-4)
    np.testing.assert_allclose(logs["distance"], np.abs(s - t).mean(), rtol=1e-4)
    loss = student.mean() + 0.5 * np.abs(s - t).mean()
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-4)
    np.testing.assert_allclose(logs["critic_judges"], judge.mean(), rtol=1e-4)


def test_what_it_brings_for_the_student_warms_up_with_it():
    kd = model(warmup_steps=4)
    weights = {m.name: float(m.weight_at(0)) for m in kd.methods}
    assert weights == {"adversarial_logits": 0.25, "distance": 0.25, "critic_judges": 1.0}


def test_each_moves_by_its_own_loss_alone(rng):
    x, y = rng.normal(size=(6, 4)).astype("float32"), rng.integers(0, CLASSES, 6)
    for still in ("student", "critic"):
        kd = model()
        kd.compile({n: keras.optimizers.SGD(0.0 if n == still else 0.1) for n in kd.learners})
        before = {n: m.get_weights() for n, m in {**kd.learners, "teacher": kd.teacher}.items()}
        kd.train_on_batch(x, y)
        for name, weights in before.items():
            now = {**kd.learners, "teacher": kd.teacher}[name].get_weights()
            moved = any(np.abs(a - b).max() > 0 for a, b in zip(weights, now))
            assert moved == (name not in (still, "teacher")), name


def test_a_critic_that_always_says_the_same_gives_no_gradient(rng):
    """Its last kernel is zero: what is left is the distance to the teacher's logits."""
    x, y = rng.normal(size=(6, 4)).astype("float32"), rng.integers(0, CLASSES, 6)
    found = []
    for constant in (True, False):
        kd = model(distance=0.0)
        if constant:
            last = [layer for layer in kd.learners["critic"].layers
                    if isinstance(layer, keras.layers.Dense)][-1]  # fmt: skip
            last.kernel.assign(np.zeros(last.kernel.shape))
        before = kd.student.get_weights()[0]
        kd.train_on_batch(x, y)
        found.append(np.abs(kd.student.get_weights()[0] - before).max())
    assert found[0] == 0.0 < found[1]
