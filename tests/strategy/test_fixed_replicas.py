"""Targets computed once do the same on one and two replicas, and for two workers."""

import keras
import numpy as np
import pytest
from multi_worker_config import get_config
from test_multi_worker import Workers, checkpoint

from keras_kd.run import story as run


def settings(teacher):
    config = get_config(teacher)
    config.distil.update({"total": "6 steps", "mode": "fix/ic_ens", "fix_crops": 3})
    return config


def stored(workdir):
    with np.load(workdir / "targets" / "fix_ic_ens.npz") as file:
        return file["targets"]


@pytest.mark.slow
def test_two_replicas_learn_what_one_does(make_strategy, teacher, tmp_path):
    """Of a SavedModel, whose variables exist on the replicas only."""
    for replicas in (1, 2):
        run.run(settings(teacher), tmp_path / str(replicas), strategy=make_strategy(replicas))
    one, two = (tmp_path / name for name in ("1", "2"))
    np.testing.assert_allclose(stored(one), stored(two), atol=1e-5)
    weights = [keras.models.load_model(w / "student.keras").get_weights() for w in (one, two)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
def test_the_chief_computes_and_two_workers_read(teacher, make_strategy, tmp_path):
    changes = ["total=6 steps", "mode=fix/ic_ens", "fix_crops=3"]
    flags = [f"--config.distil.{change}" for change in changes]
    workers = Workers(teacher, tmp_path / "workers", *flags)
    try:
        for index in (0, 1):
            workers.start(index)
        run.run(settings(teacher), tmp_path / "two", make_strategy(2))
        assert workers.wait() == {0: 0, 1: 0}, workers.said(0) + workers.said(1)
    finally:
        workers.kill()
    assert "The teacher's targets: 64 images x 3 crops" in workers.said(0)
    assert "The teacher's targets" not in workers.said(1)
    for a, b in zip(checkpoint(tmp_path / "workers", 6), checkpoint(tmp_path / "two", 6)):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
