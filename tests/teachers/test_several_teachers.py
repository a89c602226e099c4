"""Several teachers behind one handle: their mean, each at its own size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import teachers
from keras_kd.config import base
from keras_kd.models import resnet
from keras_kd.run import story as run


def saved(path, side, classes=4, channels=1):
    model = resnet(8, 0.5, classes, (side, side, channels))
    rng = np.random.default_rng(side)
    # The head and the norms must differ from their start for the test to see anything.
    model.set_weights([w + rng.normal(0, 0.1, w.shape).astype("float32") for w in model.weights])
    model.save(path)
    return model


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def test_the_mean_of_two_at_their_own_sizes(tmp_path):
    small, large = saved(tmp_path / "a.keras", 8), saved(tmp_path / "b.keras", 16)
    x = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype("float32")
    teacher = teachers.load(f"{tmp_path / 'a.keras'}@8,{tmp_path / 'b.keras'}", 4, (16, 16, 1))
    halved = tf.raw_ops.ResizeBilinear(images=x, size=[8, 8], half_pixel_centers=True)
    each = [softmax(np.asarray(m(v), "float64")) for m, v in ((small, halved), (large, x))]
    np.testing.assert_allclose(softmax(np.asarray(teacher(x))), np.mean(each, 0), atol=1e-5)
    assert np.abs(each[0] - each[1]).max() > 0.01
    assert isinstance(teacher, teachers.Ensemble)
    assert teacher.trainable_variables == [] and teacher.input_shape == (None, 16, 16, 1)
    assert teacher.count_params() == small.count_params() + large.count_params()
    frozen = teachers.freeze(teacher, engine="graph")
    np.testing.assert_allclose(frozen(x), teacher(x), atol=1e-4)


def test_one_teacher_at_a_size_of_its_own(tmp_path):
    model = saved(tmp_path / "a.keras", 8)
    teacher = teachers.load(f"{tmp_path / 'a.keras'}@8", 4, (16, 16, 1))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 1)).astype("float32")
    halved = tf.raw_ops.ResizeBilinear(images=x, size=[8, 8], half_pixel_centers=True)
    np.testing.assert_allclose(teacher(x), model(halved), rtol=1e-5, atol=1e-5)
    teacher.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(x), teacher(x))


def test_members_that_do_not_fit(tmp_path):
    a, b = tmp_path / "a.keras", tmp_path / "b.keras"
    saved(a, 8), saved(b, 8, classes=5)
    with pytest.raises(ValueError, match="4 in all"):
        teachers.load(f"{a},{b}", 4, (8, 8, 1))
    with pytest.raises(ValueError, match="one class count"):
        teachers.load(f"{a},{b}", None, (8, 8, 1))
    with pytest.raises(ValueError, match=r"at most that of the images, 6 px.*side=8"):
        teachers.load(f"{a}@8", 4, (6, 6, 1))
    with pytest.raises(ValueError, match="input_shape must be given"):
        teachers.load(f"{a}@8", 4)
    with pytest.raises(ValueError, match="which is not there"):
        teachers.load(f"{a},{tmp_path / 'none.keras'}", 4, (8, 8, 1))


@pytest.mark.slow  # test_door and test_evaluate have runs of ensembles
def test_a_run_learns_from_both(tmp_path):
    saved(tmp_path / "a.keras", 8, 10), saved(tmp_path / "b.keras", 16, 10)
    config = base()
    config.batch_size = 16
    config.data.resolution, config.data.teacher_resolution = 8, 16
    config.data.eval_full_image = True
    config.data.train_split, config.data.eval_split = "train[:64]", "test[:50]"
    config.teacher.handle = f"{tmp_path / 'a.keras'}@8,{tmp_path / 'b.keras'}"
    config.teacher.engine = "graph"
    config.teacher.accept = True  # their weights are random
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.25}}
    config.baseline.enabled = False
    config.distil.update(total="4 steps", interval="4 steps", warmup="0 steps")
    report = run.run(config, tmp_path / "workdir")
    teacher = teachers.load(config.teacher.handle, 10, (16, 16, 1))
    assert report["teacher"]["parameters"] == teacher.count_params()
    assert report["train"]["steps"] == 4 and np.isfinite(report["fidelity"]["kl"])
