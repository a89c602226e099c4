"""Files of Keras 2 that Keras 3 cannot read, through tf_keras, which is started once a file."""

import json
import os
import re
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest

from keras_kd.models import keras2, resnet, start_from
from keras_kd.models.saved import OldFile, open_keras
from keras_kd.models.value_range import SHOWN, UnknownRange
from keras_kd.teachers import load

PROGRAM = """
import sys, numpy as np, tf_keras as k
k.utils.set_random_seed(4)
i = k.Input((8, 8, 3))
x = k.layers.DepthwiseConv2D(3)(i)
m = k.Model(i, k.layers.Dense(3)(k.layers.Flatten()(x)))
m.save(sys.argv[1] + "/depthwise.h5")
x = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
np.save(sys.argv[1] + "/logits.npy", m(x).numpy())
j = k.Input((8, 8, 3))
s = k.Model(j, m(j / 127.5 - 1))
s.save(sys.argv[1] + "/scaled.hdf5")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras2")
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Keras's folder, for all tests of this file: each file is converted once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(home, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(home))


def images():
    return np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")


def test_a_depthwise_convolution_of_keras_2(files, home, logged):
    """Keras 3 does not know its `groups`."""
    path, expected = files / "depthwise.h5", np.load(files / "logits.npy")
    with pytest.raises(OldFile, match="which fails"):
        open_keras(path)
    os.chmod(files, 0o500)
    try:
        teacher = load(str(path), 3, (8, 8, 3))
    finally:
        os.chmod(files, 0o700)
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-5)
    assert teacher.trainable_variables == []
    (folder,) = (home / "keras_kd" / "converted").iterdir()
    assert folder.name.startswith("depthwise-") and (folder / "saved_model.pb").is_file()
    assert any(str(folder) in line for line in logged())


def test_it_is_converted_once(files, monkeypatch):
    path, expected = files / "depthwise.h5", np.load(files / "logits.npy")
    load(str(path), 3)
    monkeypatch.setattr(subprocess, "run", None)
    np.testing.assert_allclose(load(str(path), 3)(images()), expected, atol=1e-5)  # its own size


def test_what_values_become_tells_their_range(tmp_path):
    def told(become, side=8):
        values = [[value, become(value)] for value in SHOWN]
        facts = {"inputs": [[None, side, side, 3]], "values": values, "passed": ["'a'"]}
        (tmp_path / keras2.FACTS).write_text(json.dumps(facts))
        return keras2.expected_range(tmp_path)

    assert told(lambda value: value / 127.5 - 1) == (0, 255)
    assert told(lambda value: 2 * value - 1) == (0, 1)
    assert told(lambda value: value) is None
    assert keras2.input_shape(tmp_path) == (8, 8, 3)
    with pytest.raises(UnknownRange, match="'a', makes a usual range of none"):
        told(lambda value: value**2, side=None)
    assert keras2.input_shape(tmp_path) is None


def test_operations_before_the_weights_tell_the_values(files):
    """`x / 127.5 - 1` of symbolic tensors, unknown to Keras 3, in front of a nested model."""
    with pytest.raises(OldFile):
        open_keras(files / "scaled.hdf5")
    teacher = load(str(files / "scaled.hdf5"), 3, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), np.load(files / "logits.npy"), atol=1e-4)


def test_a_cache_that_cannot_be_written(files, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    calls = []
    monkeypatch.setattr(keras2, "_convert", lambda path, folder: calls.append(folder))
    folder = keras2.converted(files / "depthwise.h5")
    assert folder.is_dir() and str(tmp_path) not in str(folder) and len(calls) == 1


def write(path, **config):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["model_config"] = json.dumps(config)
    return str(path)


def test_what_neither_reads_is_refused_with_both_reasons(tmp_path):
    path = write(tmp_path / "own.h5", class_name="TheirOwn", config={})
    with pytest.raises(ValueError, match=r"own\.h5'\. Keras 3: .*TheirOwn.* tf_keras: .*TheirOwn"):
        load(path, 3, (8, 8, 3))


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    path = write(tmp_path / "code.h5", class_name="TheirOwn", config=[{"class_name": "Lambda"}])
    with pytest.raises(ValueError, match="which has a Lambda layer"):
        load(path, 3, (8, 8, 3))


def test_weights_alone_are_told_what_they_lack(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"weights alone.*keras:NAME\?weights=.*a\.weights\.h5"):
        load(str(tmp_path / "a.weights.h5"), 3, (8, 8, 3))


def test_a_network_that_starts_from_one_is_refused_with_what_works(files, tmp_path):
    """Keras 3 cannot train its layers; the advice is followed to the letter."""
    with pytest.raises(ValueError, match="with layers that Keras 3 does not know"):
        start_from(str(files / "depthwise.h5"), 2, (8, 8, 3), resnet(8, 1.0, 2, (8, 8, 3)))
    with pytest.raises(ValueError, match="an older Keras") as refused:
        start_from(str(files / "depthwise.h5"), 2, (8, 8, 3))
    loads, saves = re.search(r"(m = \S+\(.*?\)) and (\S+\(.*'\)), and", str(refused.value)).groups()
    program = f"import tf_keras\n{loads}\n{saves}"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=tmp_path)
    network = start_from(str(tmp_path / "FOLDER"), 2, (8, 8, 3), input_range=(-1, 1))
    assert network.output_shape == (None, 2) and len(network.trainable_variables) == 4
    below = keras.Model(network.input, network.get_layer("pre_logits").output)(images())
    with h5py.File(files / "depthwise.h5") as file:
        kernel, bias = arrays_of(file["model_weights/dense"])
    np.testing.assert_allclose(below @ kernel + bias, np.load(files / "logits.npy"), atol=1e-5)


def arrays_of(group):
    """A layer's kernel and bias, wherever they lie in its group."""
    found = []
    group.visititems(lambda _, item: found.append(item) if hasattr(item, "shape") else None)
    return sorted((item[()] for item in found), key=np.ndim, reverse=True)
