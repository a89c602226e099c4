"""Early exits as one file of several answers: by the interpreter, the Keras answers of each."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_kd.export.exits import export_exits, run_file
from keras_kd.run.facts import EXITS


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (12, 6, 6, 1)).astype("float32")


def material(folder, images, labels):
    return SimpleNamespace(
        run=SimpleNamespace(path=folder), resolution=6, test_images=[(images, labels)]
    )


def test_a_run_without_exits_writes_none(tmp_path, images):
    assert export_exits(material(tmp_path, images, None)) is None


def test_each_answer_is_that_of_keras_and_measured(tmp_path, images):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    early = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    late = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, {"exit_one": early, "logits": late})
    model.save(tmp_path / EXITS)
    (tmp_path / "export").mkdir()
    expected = {name: np.asarray(value) for name, value in model(images).items()}
    labels = expected["logits"].argmax(-1)
    labels[:3] = (labels[:3] + 1) % 3
    found = export_exits(material(tmp_path, images, labels))
    file = tmp_path / found["path"]
    assert file.name == "exits.tflite" and file.stat().st_size == found["bytes"]
    for name, logits in run_file(file, images).items():
        np.testing.assert_allclose(logits, expected[name], rtol=1e-4, atol=1e-5)
        facts = found["answers"][name]
        assert facts["agreement_with_keras"] == 1.0
        assert facts["accuracy"] == (expected[name].argmax(-1) == labels).mean()
    assert found["answers"]["logits"]["accuracy"] == 0.75
