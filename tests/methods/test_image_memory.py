"""The memory of made images against a list that is kept by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import DAFL, SoftTargets
from keras_kd.methods.image_memory import ImageMemory

QUARTERS = np.float32([[-2.0], [-0.5], [0.5], [2.0]])  # one in each quarter of the normal law


def images(*values):
    """Images of one value each."""
    return tf.constant(np.float32(values)[:, None, None, None] * np.ones((1, 2, 3, 1), np.float32))


def held(memory):
    return sorted(float(image[0, 0, 0]) for image in memory.images.numpy())


@pytest.fixture
def memory():
    return ImageMemory(4, (2, 3, 1))


def test_the_oldest_make_room(memory):
    for step in range(3):
        memory.begin_step()
        memory.write(images(0.25 * step, 0.25 * step + 0.125))
    assert held(memory) == [0.25, 0.375, 0.5, 0.625]
    assert int(memory.written) == 6


def test_of_one_step_the_last_stay(memory):
    memory.begin_step()
    for value in (0.25, 0.5):
        memory.write(images(value, value))
    assert int(memory.written) == 2
    assert held(memory).count(0.5) == 2 and held(memory).count(0.25) == 0


def test_of_more_than_it_holds_the_last_stay(memory):
    memory.begin_step()
    memory.write(images(*np.arange(6) / 8))
    assert held(memory) == [0.25, 0.375, 0.5, 0.625]


def test_drawn_are_those_that_were_written_each_as_likely(memory):
    memory.begin_step()
    memory.write(images(0.25, 0.5))
    first = memory.network()(QUARTERS)
    assert first.shape == (4, 2, 3, 1) and first.dtype == tf.float32
    np.testing.assert_array_equal(first[:, 0, 0, 0], [0.25, 0.25, 0.5, 0.5])
    memory.begin_step()
    memory.write(images(0.75, 1.0))
    np.testing.assert_array_equal(memory.network()(QUARTERS)[:, 1, 2, 0], [0.25, 0.5, 0.75, 1.0])
    ends = memory.network()(np.float32([[-9.0], [9.0]]))
    np.testing.assert_array_equal(ends[:, 0, 0, 0], [0.25, 1.0])


def test_before_anything_is_written_it_is_noise(memory):
    drawn = np.array(memory.network()(QUARTERS))
    assert drawn.std() > 0.2 and abs(drawn).max() <= 1.0
    assert not memory.network().weights


def network():
    net = keras_kd.models.resnet(depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1))
    head = net.get_layer("logits")  # it starts at zero, and then passes nothing on
    head.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in head.get_weights()])
    return net


def test_the_student_learns_from_what_was_made_before_and_the_memory_is_in_the_state():
    kd = keras_kd.KDModel(network(), network(), [DAFL(width=2, noise=3, memory=16), SoftTargets()])
    kd.compile("sgd")
    remembered = kd.methods[0]._remembered
    noise = remembered.images.numpy()
    kd.train_on_batch({"id": np.arange(8)})
    first = remembered.images.numpy()
    changed = np.any(first != noise, axis=(1, 2, 3))
    assert changed[:8].all() and not changed[8:].any()
    assert any(v is remembered.images for v in kd.methods[0].variables)
    # What is shown of it is what it holds.
    shown = kd.made_images(5)
    assert all((np.abs(first[:8] - image).max(axis=(1, 2, 3)) == 0).any() for image in shown)


def test_a_graph_reads_the_memory_before_it_writes():
    """Of one batch's size: read too late, it would hold the images of the step itself."""
    ends = []
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        methods = [DAFL(width=2, noise=3, memory=8), SoftTargets()]
        kd = keras_kd.KDModel(network(), network(), methods)
        kd.compile(keras.optimizers.SGD(0.1), run_eagerly=eager)
        for _ in range(3):
            kd.train_on_batch({"id": np.arange(8)})
        ends.append([v.numpy() for v in kd.student.trainable_variables])
    start = network().trainable_variables
    assert all(np.any(end != first.numpy()) for end, first in zip(ends[0], start, strict=True))
    for graph, eager in zip(*ends):
        np.testing.assert_allclose(graph, eager, rtol=1e-4, atol=1e-6)
