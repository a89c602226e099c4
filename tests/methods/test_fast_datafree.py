"""What fast data-free distillation adds to DeepInversion's terms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import DeepInversion, FastDatafree, SoftTargets
from keras_kd.methods.fast_datafree import agreed_kl


def test_only_examples_on_which_both_agree_count(logits, numpy):
    s, t = logits
    s[:3] = t[:3] + 0.1 * s[:3]
    p, q = numpy.softmax(t), numpy.softmax(s)
    agree = s.argmax(-1) == t.argmax(-1)
    assert 0 < agree.sum() < len(agree)
    found = agreed_kl(tf.constant(t, tf.float32), tf.constant(s, tf.float32))
    np.testing.assert_allclose(found, agree * (p * np.log(p / q)).sum(-1), rtol=1e-4, atol=1e-6)


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1), norm="batch"
    )


def test_without_the_divergence_it_is_deep_inversion(rng):
    teacher = network(1)
    image = rng.normal(size=(6, 8, 8, 1)).astype("float32")
    options = {"one_hot": 0.4, "statistics": 10.0, "variation": 0.0, "size": 0.0, "width": 2}
    losses = []
    for method in (DeepInversion(**options), FastDatafree(**options, adversarial=0.0)):
        method.networks({"student": teacher, "teacher": teacher})
        answer = keras_kd.models.taps.tapped(teacher, method.teacher_taps)(image, training=False)
        several = {"student": answer, "teacher": answer}
        teacher_answer = several if method.several_sources else answer
        losses.append(method({"image": image}, student={}, teacher=teacher_answer))
    np.testing.assert_array_equal(*losses)


@pytest.mark.parametrize("student_steps", [1, 4])
def test_the_generator_and_the_student_take_their_steps_in_each_step(student_steps):
    several = {"steps": 3, "student_steps": student_steps}
    methods = [FastDatafree(width=2, noise=3, **several), SoftTargets()]
    kd = keras_kd.KDModel(network(1), network(2), methods)
    kd.compile({"student": keras.optimizers.SGD(0.1), "generator": keras.optimizers.Adam(0.01)})
    for _ in range(2):
        kd.train_on_batch({"id": np.arange(8)})
    counts = {name: int(each.iterations.numpy()) for name, each in kd.optimizers.items()}
    assert counts == {"student": 2 * student_steps, "generator": 6}
