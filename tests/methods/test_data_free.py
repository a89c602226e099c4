"""What every data-free scheme must do, whichever it is: new ones are found by themselves."""

import functools

import any_method
import keras
import numpy as np
import pytest
import tensorflow as tf
from any_method import DATA_FREE

import keras_kd
from keras_kd.training.checkpoints import Checkpoints, Snapshot

STEPS = 4


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras_kd.models.resnet(
        depth=8, width=0.25, num_classes=4, input_shape=(8, 8, 1), norm="batch", dropout=0.0
    )


def model(name):
    return any_method.data_free(name, network(1), network(2))


def compiled(name, **options):
    kd = model(name)
    kd.compile({each: keras.optimizers.SGD(0.02, momentum=0.9) for each in kd.learners}, **options)
    return kd


def data(first, last):
    """Ids and nothing else."""
    ids = tf.data.Dataset.range(8 * first, 8 * last).batch(8)
    return ids.map(lambda ids: ({"id": ids},))


def values(kd):
    return {name: np.array(v.numpy()) for name, v in kd.state().items()}


@functools.cache
def trained(name):
    kd = compiled(name)
    before = kd.teacher.get_weights()
    logs = kd.fit(data(0, STEPS), verbose=0).history
    return values(kd), logs, before, kd.teacher.get_weights()


EACH = pytest.mark.parametrize("name", DATA_FREE)


@EACH
def test_student_and_generator_learn_from_no_image_and_the_teacher_does_not(name):
    state, logs, before, after = trained(name)
    assert np.isfinite([value for values in logs.values() for value in values]).all()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    start = values(compiled(name))
    kernels = [one for one in state if one.startswith("network/") and one.endswith("kernel")]
    assert {one.split("/")[1] for one in kernels} <= {"student", "generator"}
    for one in kernels:
        assert np.abs(state[one] - start[one]).max() > 0, one


@EACH
def test_a_run_goes_on_from_its_checkpoint_to_the_bit(name, tmp_path):
    whole, *_ = trained(name)
    half = compiled(name)
    half.fit(data(0, 2), verbose=0)
    saved = Checkpoints(tmp_path)
    saved.save(Snapshot(2, half.state()))
    again = compiled(name)
    assert saved.restore(again.state())[0] == 2
    again.fit(data(2, STEPS), verbose=0)
    resumed = values(again)
    assert resumed.keys() == whole.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(value, resumed[key], err_msg=key)


@EACH
def test_its_images_are_in_range_and_the_same_every_time(name):
    images = model(name).made_images(5)
    assert images.shape == (5, 8, 8, 1) and np.abs(images).max() <= 1.0
    np.testing.assert_array_equal(images, model(name).made_images(5))


@EACH
def test_half_precision_takes_finite_steps(name):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        kd = model(name)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    kd.compile({each: keras.optimizers.SGD(0.01) for each in kd.learners})
    logs = kd.fit(data(0, 2), verbose=0).history
    assert np.isfinite([value for values in logs.values() for value in values]).all()


def test_stored_targets_are_refused():
    kd = compiled(DATA_FREE[0])
    with pytest.raises(ValueError, match="not those of images that a network makes"):
        kd.train_on_batch({"id": np.arange(8), "teacher_logits": np.zeros((8, 4), "float32")})
