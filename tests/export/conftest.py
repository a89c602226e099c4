"""A tiny network and the files made from it, once a session."""

import functools
import json

import keras
import numpy as np
import pytest
from browser import NOT_TESTED

from keras_kd.config import base
from keras_kd.data import EVAL_SCALE
from keras_kd.export.options import Options

SHAPE = (12, 12, 3)
NAMES = ["tench", "<script>alert(1)</script>", "göteborg & co"]


def _moved(model):
    """The model with BatchNorm statistics that are not the identity."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


@pytest.fixture(scope="session")
def batch_norm_net():
    """Convolution, BatchNorm, ReLU, dropout: covered by int8 throughout."""
    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return _moved(keras.Model(image, keras.layers.Dense(3)(x)))


@pytest.fixture(scope="session")
def images():
    """16 images in [-1, 1], `[N, H, W, C]`."""
    return np.random.default_rng(2).uniform(-1, 1, (16, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="session")
def truth(batch_norm_net, images):
    """The network's logits, and labels of which it hits 12 of 16."""
    logits = batch_norm_net(images, training=False).numpy()
    labels = logits.argmax(-1)
    labels[:4] = (labels[:4] + 1) % 3  # four wrong answers of sixteen
    return logits, labels


@pytest.fixture(scope="session")
def exported(tmp_path_factory, batch_norm_net, images, truth):
    """Function of a format's name: (path, facts) of the network in it, written once."""
    from keras_kd.export import formats

    material = {
        "calibration_images": [images],
        "test_images": [(images, truth[1])],
        "class_names": NAMES,
        "full_image": False,
        "scale": EVAL_SCALE,
        "exif": "ignore",
        "view": "",
        "resize": "bilinear",
        "run_name": "test",
        "options": Options(),
    }
    folder = tmp_path_factory.mktemp("exported")
    failed = {}  # npm without a network takes minutes to say so: it is asked once

    @functools.cache
    def write(name):
        if name in failed:
            pytest.skip(failed[name])
        kind = formats.get(name)
        path = folder / kind.file_name
        needed = {need: material[need] for need in kind.needs}
        try:
            return path, kind.write(batch_norm_net, path, **needed)
        except ConnectionError as error:
            failed[name] = f"{NOT_TESTED}: {error}"
            pytest.skip(failed[name])

    return write


@pytest.fixture
def finished_run(tmp_path):
    """A working directory as training leaves it, over the embedded digits but without a student."""
    return write_run(tmp_path / "run")


@pytest.fixture
def student_of_run(finished_run):
    """The student of `finished_run`, not trained, saved as training saves it."""
    image = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(6, 3, strides=2, use_bias=False)(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.save(finished_run / "student.keras")
    return model


def write_run(workdir, examples=30, classes=10):
    workdir.mkdir()
    rng = np.random.default_rng(3)
    label = rng.integers(0, classes, examples)
    teacher = 6 * np.eye(classes)[label] + rng.normal(size=(examples, classes))
    student = teacher.copy()
    student[:3] = np.roll(student[:3], 1, axis=-1)  # three disagreements, whatever the labels
    names = [str(digit) for digit in range(classes)]
    report = {
        "dataset": "digits",
        "name": "digits",
        "classes": names,
        "data": {
            "train_images": 1437,
            "test_images": examples,
            "train_split": "train",
            "eval_split": "test",
            "skipped": [["broken<.jpg", "truncated & unreadable"]],
        },
        "teacher": {"accuracy": 0.99, "parameters": 560000, "name": "bit"},
        "student": {"accuracy": 0.98, "parameters": 70000, "name": "small"},
        "baseline": {"accuracy": 0.95},
        "fidelity": {"kl": 0.01, "agreement": 0.97},
        "train": {"steps": 100, "images_per_second": 1000.0, "seconds": 95.0},
        "exports": {},
    }
    config = base()
    config.data.source = "digits"
    config.data.resolution = 12
    config.data.eval_batch_size = 64
    config.export.formats = ("float32",)
    config.export.calibration_images = 20
    lines = [
        {"stage": stage, "step": step, "loss": 2.0 / step, "val_accuracy": 1 - 0.5 / step}
        for stage in ("teacher", "baseline", "distil")
        for step in range(1, 6)
    ]
    (workdir / "report.json").write_text(json.dumps(report))
    (workdir / "config.json").write_text(config.to_json_best_effort())
    (workdir / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"stage": "di')
    np.savez(
        workdir / "predictions.npz",
        label=label,
        teacher_logits=teacher.astype(np.float32),
        student_logits=student.astype(np.float32),
    )
    return workdir


@pytest.fixture
def two_runs(tmp_path):
    """Two finished runs: the first answers like its teacher, the second errs on three images."""
    first, second = write_run(tmp_path / "first"), write_run(tmp_path / "second")
    stored = dict(np.load(first / "predictions.npz"))
    stored["student_logits"] = stored["teacher_logits"] = 9 * np.eye(10)[stored["label"]]
    np.savez(first / "predictions.npz", **stored)
    stored["student_logits"] = stored["teacher_logits"].copy()
    stored["student_logits"][:3] = np.roll(stored["student_logits"][:3], 1, axis=-1)
    np.savez(second / "predictions.npz", **stored)
    for run, accuracy, size, ms in ((first, 1.0, 90000, 0.1), (second, 0.9, 50000, 0.2)):
        report = json.loads((run / "report.json").read_text())
        report["student"]["accuracy"] = accuracy
        file = {"bytes": size, "accuracy": 0.995 if ms < 0.2 else 0.99, "latency_ms": ms}
        report["exports"] = {"int8": file}
        (run / "report.json").write_text(json.dumps(report))
    config = json.loads((second / "config.json").read_text())
    (second / "config.json").write_text(json.dumps({**config, "seed": 7}))
    return [first, second]
