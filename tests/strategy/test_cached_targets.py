"""Targets out of a teacher cache do the same on one and two replicas."""

import keras
import numpy as np
import pytest
from multi_worker_config import get_config

from keras_kd import teachers
from keras_kd.run import Experiment
from keras_kd.run import story as run
from keras_kd.run.teach import teach
from keras_kd.teachers.cache.store import TeacherCache
from keras_kd.teachers.cache.stream import CachedTargets


def settings(teacher, cache=""):
    config = get_config(teacher)
    config.distil.update({"total": "8 steps", "interval": "4 steps"})
    # Adam divides small gradients by themselves, which on some processors makes 1e-5 of rounding.
    config.distil.update({"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 0.0})
    config.teacher_cache = cache
    return config


def test_two_replicas_learn_what_one_does(make_strategy, teacher, tmp_path, monkeypatch):
    """A SavedModel teacher, whose first cached step is compared in the scope; half is cached."""
    cache = str(tmp_path / "cache")
    teach(settings(teacher), tmp_path / "teach", "0:1", cache, steps_per_shard=2)
    trained, used, join = [], [], CachedTargets.join
    monkeypatch.setattr(CachedTargets, "join", lambda *a: used.append(a[2:]) or join(*a))
    for replicas in (1, 2):
        folder = tmp_path / str(replicas)
        run.run(settings(teacher, cache), folder, strategy=make_strategy(replicas))
        trained.append(keras.models.load_model(folder / "student.keras").get_weights())
        assert used.pop() == (0, 4)
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert np.abs(trained[0][-2]).max() > 1e-3  # the head, which starts at zero


def test_targets_of_another_teacher_are_found_on_two_replicas(make_strategy, teacher, tmp_path):
    config = settings(teacher)
    path = teach(config, tmp_path / "teach", "0:1", tmp_path / "cache", "float32")["path"]
    cache = TeacherCache(path)
    cache.write(0, cache.read(0)["logits"][..., ::-1])
    strategy = make_strategy(2)
    experiment = Experiment(config, strategy=strategy)
    images, _ = experiment.streams.for_teacher(experiment.last)
    with strategy.scope():
        loaded = teachers.load(teacher, 10, (8, 8, 1), input_range=(-1, 1))
        with pytest.raises(ValueError, match="the probability of the likeliest class differs"):
            CachedTargets(cache).spot_check(images, lambda x: loaded(x, training=False))
