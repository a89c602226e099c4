"""Runs whose teachers are combined by the step or the label: stopped, cached, each of some classes.

Combinations that look at logits alone are a layer of a teacher like any other.
"""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run
from tiny_stage import arrays_of, stop_after

from keras_kd.evaluation import fidelity
from keras_kd.models import resnet
from keras_kd.run import Finished, run
from keras_kd.run.teach import teach
from keras_kd.teachers import Ensemble
from keras_kd.teachers.cache.store import TeacherCache

STEPS = 4
NAMES = [str(digit) for digit in range(10)]


def saved(path, seed, classes=10):
    model = resnet(8, 0.25, classes, (8, 8, 1))
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(0, 0.3, w.shape).astype("float32") for w in model.weights])
    model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers")
    return ",".join(saved(folder / f"{name}.keras", seed) for seed, name in enumerate("ab"))


def tiny(teachers, combine, **changes):
    changes = {"teacher.handle": teachers, "baseline.enabled": False, "xla": "off", **changes}
    config = tiny_run(STEPS, **changes)
    config.distil.combine.name = combine
    return config


def last_checkpoint(folder):
    return arrays_of(folder / "checkpoints" / "distil" / f"step_{STEPS:08d}.npz")


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["random_teacher", "confidence"])
def test_stopped_and_cached_it_ends_the_same(teachers, combine, tmp_path, monkeypatch):
    whole, halves, cached = (tmp_path / name for name in ("whole", "halves", "cached"))
    config = tiny(teachers, combine)
    report = run(config, whole)
    assert report["teacher"]["parameters"] == 2 * resnet(8, 0.25, 10, (8, 8, 1)).count_params()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, STEPS // 2)
        run(config, halves)
    assert run(config, halves)["student"] == report["student"]
    a, b = last_checkpoint(whole), last_checkpoint(halves)
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], err_msg=key)
    done = Finished(whole)
    ensemble = done.load_teacher(1)
    assert isinstance(ensemble, Ensemble) and ensemble.combination().in_batch
    found = fidelity(done.load_student(), ensemble, done.evaluation_images())
    assert found["kl"] == pytest.approx(report["fidelity"]["kl"], rel=1e-3)  # of all, at rest
    path = teach(config, tmp_path / "teach", cache=str(tmp_path / "cache"), dtype="float32")["path"]
    run(tiny(teachers, combine, teacher_cache=path), cached)
    for x, y in zip(*(keras.models.load_model(folder / "student.keras").get_weights()
                      for folder in (whole, cached)), strict=True):  # fmt: skip
        np.testing.assert_allclose(x, y, atol=1e-6)
    # The targets are not those of the mean.
    plain = teach(tiny(teachers, "mean_probabilities"), tmp_path / "again", dtype="float32")["path"]
    stored = [TeacherCache(where).read(0)["logits"] for where in (path, plain)]
    assert np.abs(stored[0] - stored[1]).max() > 0.1
    other = tiny(teachers, "entropy", teacher_cache=path)
    with pytest.raises(ValueError, match="Fill another folder with keras-kd-teach"):
        run(other, tmp_path / "other")


def test_teachers_of_five_and_six_classes(tmp_path):
    for name, classes in (("low", NAMES[:5]), ("high", NAMES[4:])):
        (tmp_path / name).mkdir()
        saved(tmp_path / name / "net.keras", len(classes), len(classes))
        (tmp_path / name / "labels.txt").write_text("\n".join(classes))
    handle = ",".join(str(tmp_path / name / "net.keras") for name in ("low", "high"))
    config = tiny(handle, "unite_classes")
    report = run(config, tmp_path / "run")
    assert report["student"]["parameters"] and np.isfinite(report["fidelity"]["kl"])
    lonely = tiny(handle.split(",")[0], "unite_classes")
    with pytest.raises(ValueError, match=r"who knows 5 of the 10. Add a teacher"):
        run(lonely, tmp_path / "lonely")
    with pytest.raises(ValueError, match="combine them by 'unite_classes'"):
        run(tiny(handle, "mean_probabilities"), tmp_path / "mean")
