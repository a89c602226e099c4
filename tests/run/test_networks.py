"""A student that starts from pretrained weights: for its baseline, and to be distilled."""

import ast
import re
import shlex
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd import models
from keras_kd.config import absolute, check
from keras_kd.run import Experiment, networks
from keras_kd.run import story as run
from keras_kd.training import log as metrics_log
from keras_kd.training.stage import Stage

NETWORK = {"depth": 8, "width": 0.25}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A `.keras` file of ten classes, whose classifier is not zero."""
    keras.utils.set_random_seed(7)
    model = models.resnet(num_classes=10, input_shape=(8, 8, 1), **NETWORK)
    model.set_weights([w + np.random.normal(0, 0.05, w.shape) for w in model.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "pretrained.keras"
    model.save(path)
    return path, model


def tiny(init):
    config = tiny_run(2)
    config.teacher.model = {"name": "resnet", "kwargs": NETWORK}
    config.student.model = {"name": "resnet", "kwargs": NETWORK}
    config.student.init = str(init)
    return config


def built(init, num_classes):
    source = SimpleNamespace(num_classes=num_classes, channels=1)
    return networks.build(tiny(init), "student", source)


def test_the_classifier_is_kept_where_the_classes_are_as_many(pretrained):
    path, model = pretrained
    for a, b in zip(built(path, 10).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_starts_at_zero_where_they_are_not(pretrained):
    path, model = pretrained
    student = built(path, 7)
    *backbone, kernel, bias = student.get_weights()
    assert kernel.shape[-1] == 7 and not kernel.any() and not bias.any()
    for a, b in zip(backbone, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert student.trainable_variables


def test_a_bit_archive_fills_a_student(tmp_path):
    options = {"depth": (1, 1), "width": 0.125}
    network = models.bit_resnet(num_classes=5, input_shape=(32, 32, 3), **options)
    arrays = {}
    for layer in network.layers:
        if not layer.weights:
            continue
        name = (
            layer.name.replace("_norm", "/gn").replace("_conv", "/conv").replace("_unit", "/unit")
        )
        name = {"root/conv": "root_block/conv_root", "norm": "norm-pre-head", "logits": "head"}.get(
            name, name.replace("_proj", "/conv_proj")
        )
        name = "root_block/conv_root" if layer.name == "stem" else name
        keys = ("scale", "bias") if "gn" in name or "norm" in name else ("kernel", "bias")
        for key, value in zip(keys, layer.get_weights()):
            arrays[f"{name}/{key}"] = value + np.float32(0.01)
    np.savez(tmp_path / "bit.npz", **arrays)
    config = tiny(tmp_path / "bit.npz")
    config.student.model = {"name": "bit_resnet", "kwargs": options}
    config.data.resolution = 32
    student = networks.build(config, "student", SimpleNamespace(num_classes=5, channels=3))
    for a, b in zip(student.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b + np.float32(0.01), rtol=1e-6)


def test_baseline_and_distillation_start_from_it(pretrained, tmp_path, monkeypatch):
    starts = {}
    train = Stage.train

    def watched(self):
        starts[self.name] = self.kd.student.get_weights()
        return train(self)

    monkeypatch.setattr(Stage, "train", watched)
    path, model = pretrained
    report = run.run(tiny(path), tmp_path)
    for name in ("baseline", "distil"):
        for a, b in zip(starts[name], model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(starts["teacher"], model.get_weights()))
    assert report["train"]["steps"] == 2
    assert metrics_log.logged(tmp_path / "metrics.jsonl", "baseline")


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("no/such.keras", "init='no/such.keras'.*not there"),
        ("bitt:R50x1", "unknown scheme 'bitt:'"),
    ],
)
def test_weights_that_are_not_there_are_refused_before_the_first_step(tmp_path, init, message):
    with pytest.raises(ValueError, match=message):
        run.run(tiny(init), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_another_network_is_refused(pretrained):
    config = tiny(pretrained[0])
    config.student.model.kwargs = {"depth": 14, "width": 0.25}
    with pytest.raises(ValueError, match="mismatches"):
        networks.build(config, "student", SimpleNamespace(num_classes=10, channels=1))


def test_a_relative_path_becomes_absolute(pretrained, monkeypatch):
    path, _ = pretrained
    monkeypatch.chdir(path.parent)
    assert absolute(tiny(path.name)).student.init == str(path)


def test_how_a_handle_is_read_is_what_the_config_says():
    config = tiny_run()
    assert networks.reading(config, "teacher") == networks.reading(config, "") == {}
    config.teacher.normalization, config.teacher.layout = "imagenet", "nchw"
    assert networks.reading(config, "teacher") == {"normalization": "imagenet", "layout": "nchw"}


ASKED = {
    "output": lambda x: {"one": keras.layers.Dense(10)(x), "two": keras.layers.Dense(10)(x)},
    "activation": lambda x: 1 / (1 + keras.ops.exp(-keras.layers.Dense(10)(x))),
    "input_range": lambda x: keras.layers.Dense(10)(x * 2.0),
}


@pytest.mark.parametrize("argument", ASKED)
def test_what_a_teacher_asks_is_a_key_that_works(tmp_path, argument):
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, ASKED[argument](keras.layers.Flatten()(inputs))).save(tmp_path / "a.keras")
    config = tiny_run(**{"teacher.handle": str(tmp_path / "a.keras")})
    with pytest.raises(ValueError, match=r"On the command line that is --config") as error:
        Experiment(config).teacher(Experiment(config).last)
    told = re.search(rf"--config\.teacher\.{argument}=(.*)\.$", str(error.value))
    (value,) = shlex.split(told[1])
    config.teacher[argument] = ast.literal_eval(value) if value.startswith("(") else value
    assert Experiment(config).teacher(Experiment(config).last).output_shape == (None, 10)
    config = tiny_run(**{"distil.teachers": (str(tmp_path / "a.keras"),)})
    with pytest.raises(ValueError, match=rf"config\.other\.{argument}\.$"):
        Experiment(config).teacher(Experiment(config).last)


def test_the_output_of_a_file_is_asked_for_by_its_key(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    outputs = {name: keras.layers.Dense(units)(x) for name, units in (("a", 3), ("b", 4))}
    keras.Model(inputs, outputs).save(tmp_path / "two.keras")
    config = tiny(tmp_path / "two.keras")
    config.student.model = {"name": "", "kwargs": {}}
    source = SimpleNamespace(num_classes=7, channels=1)
    with pytest.raises(ValueError, match=r"On the command line that is --(\S+)=(\w+)\.$") as asked:
        networks.build(config, "student", source)
    key, value = re.search(r"--config\.(\S+)=(\w+)\.$", str(asked.value)).groups()
    config.update_from_flattened_dict({key: value})
    check(absolute(config))
    assert networks.build(config, "student", source).output_shape == (None, 7)
    config.student.init = ""
    with pytest.raises(ValueError, match=r"config\.student\.output must be left out"):
        check(absolute(config))
