"""Which splits there are, which weights lie about, and what a teacher's file takes."""

import keras
import numpy as np
import pytest
import tflite_files

from keras_kd.config import base
from keras_kd.models import keras2, zoo_weights
from keras_kd.models.saved import OldFile
from keras_kd.run.budget.finding import found_weights, own_side, splits, teacher_network
from keras_kd.teachers.kinds import keras_file


@pytest.mark.parametrize(
    ("counts", "want"),
    [
        ({"train": 9, "test": 3}, {}),
        ({"train": 9, "test": 3, "validation": 2}, {}),
        ({"train": 9, "validation": 2}, {"eval_split": "validation"}),
        ({"train": 9}, {"train_split": "train[:80%]", "eval_split": "train[80%:]"}),
        ({"test": 3}, {}),  # refused by name, by whoever reads the split
    ],
)
def test_splits(counts, want):
    assert splits(counts, base().data) == want


def test_a_split_that_was_asked_for_stays():
    data = base().data
    data.eval_split = "test[:10]"
    assert splits({"train": 9}, data) == {}
    data.update(eval_split="test", train_split="train[:5]")
    assert splits({"train": 9}, data) == {}


def test_weights_lie_beside_the_images_or_are_named(tmp_path, monkeypatch):
    here, images = tmp_path / "here", tmp_path / "there" / "images"
    here.mkdir(), images.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    config = base()
    config.data.source = f"folder:{images}"
    assert found_weights(config) == ""
    beside = images.parent / "efficientnet_lite2.npz"
    beside.touch()
    assert found_weights(config) == str(beside)
    config.budget.weights = "none"
    assert found_weights(config) == ""
    config.budget.weights = str(here / "gone.npz")
    with pytest.raises(ValueError, match=r"budget\.weights=.*gone\.npz', which is not there"):
        found_weights(config)
    config.budget.weights = "hub:somewhere"
    assert found_weights(config) == "hub:somewhere"
    config.budget.weights = str(here / "gone.npz")
    (here / "gone.npz").touch()
    assert found_weights(config) == str(here / "gone.npz")


def test_weights_that_keras_has_fetched_come_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    fetched = tmp_path / "keras" / "models" / zoo_weights.FILES["MobileNetV3Large"]
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    assert found_weights(base()) == "keras:MobileNetV3Large"
    (tmp_path / "efficientnet_lite0.npz").touch()
    assert found_weights(base()) == str(tmp_path / "efficientnet_lite0.npz")


def test_the_network_of_weights(tmp_path):
    held = {f"_blocks.{i}._project_conv.weight": np.zeros((352, 1, 1, 1)) for i in range(21)}
    np.savez(tmp_path / "own.npz", **held)
    lite = teacher_network(str(tmp_path / "own.npz"), 224)["model"]
    assert lite == {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 2, "weights": str(tmp_path / "own.npz")},
    }
    np.savez(tmp_path / "lite0.npz", **{"resnet/root_block/conv2d/kernel": np.zeros(1)})
    with pytest.raises(
        ValueError, match=r"lite0\.npz', of another network\. BiT's are weights=bit"
    ):
        teacher_network(str(tmp_path / "lite0.npz"), 224)
    own = teacher_network("a/model.keras", 224)
    assert own == {"model": {"name": "", "kwargs": {}}, "init": "a/model.keras"}
    assert teacher_network("", 224)["model"]["name"] == "mobilenet_v3_large"
    assert teacher_network("", 48)["model"]["name"] == "resnet"


def test_the_side_of_a_keras_file(tmp_path):
    for side, want in ((48, 48), (None, 0)):
        inputs = keras.Input((side, side, 3))
        model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
        model.save(tmp_path / "teacher.keras")
        assert own_side(str(tmp_path / "teacher.keras")) == want
    assert own_side("") == own_side("hub:somewhere") == own_side(str(tmp_path)) == 0


def test_the_side_of_other_kinds(tmp_path, monkeypatch):
    inputs = keras.Input((24, 24, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    model.export(str(tmp_path / "saved"), verbose=False)
    assert own_side(str(tmp_path / "saved")) == 24
    tflite_files.write(tmp_path / "a.tflite", tflite_files.network())
    assert own_side(f"tflite:{tmp_path}/a.tflite") == own_side(f"{tmp_path}/a.tflite") == 8
    (tmp_path / "b.tflite").write_bytes(b"nothing")
    assert own_side(f"{tmp_path}/b.tflite") == 0
    (tmp_path / "old.h5").write_bytes(b"")

    def refuse(path):
        raise OldFile("of Keras 2")

    monkeypatch.setattr(keras_file, "open_keras", refuse)
    monkeypatch.setattr(keras_file, "_converted", lambda handle, error: handle)
    monkeypatch.setattr(keras2, "input_shape", lambda folder: (32, 32, 3))
    assert own_side(str(tmp_path / "old.h5")) == 32
