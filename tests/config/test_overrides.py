"""A network that the command line names takes no argument of the one in the config file."""

import sys

import pytest
from absl.testing import flagsaver

from keras_kd.commands import train
from keras_kd.commands.parsing import parse
from keras_kd.config import check
from keras_kd.config.overrides import settle_networks


@pytest.fixture
def given(request, monkeypatch):
    """Function from flags to the config of `configs/digits.py` under them."""
    file = request.config.rootpath / "configs" / "digits.py"

    def parsed(*arguments):
        command = ["keras-kd-train", f"--config={file}", *arguments]
        monkeypatch.setattr(sys, "argv", command)  # where ml_collections looks for them
        with flagsaver.flagsaver():
            train.FLAGS.unparse_flags()
            parse(command)
            config = train.CONFIG.value
        for name in [name for name in train.FLAGS if name.startswith("config.")]:
            delattr(train.FLAGS, name)
        return config

    return parsed


def test_another_network_has_its_own_defaults(given):
    config = given("--config.student.model.name=mobilenet_v3_small")
    assert config.student.model.to_dict() == {"name": "mobilenet_v3_small", "kwargs": {}}
    assert config.teacher.model.kwargs.depth == 14
    check(config)


def test_it_takes_the_arguments_that_the_command_line_gives(given):
    config = given(
        "--config.student.model.kwargs={'alpha': 0.5}",
        "--config.student.model.name=mobilenet_v3_small",
    )
    assert config.student.model.kwargs.to_dict() == {"alpha": 0.5}
    config = given(
        "--config.student.model.name=mobilenet_v3_small",
        "--config.student.model.kwargs.dropout=0.1",
    )
    assert config.student.model.kwargs.to_dict() == {"dropout": 0.1}


def test_the_same_name_again_changes_nothing(given):
    config = given("--config.student.model.name=resnet")
    assert config.student.model.kwargs.depth == 8


@pytest.mark.parametrize("name", ["", "mobilenet_v3_small"])
def test_pretrained_weights_bring_their_network(given, tmp_path, name):
    (tmp_path / "student.keras").touch()
    config = given(
        f"--config.student.init={tmp_path / 'student.keras'}",
        f"--config.student.model.name={name}",
    )
    assert config.student.model.to_dict() == {"name": name, "kwargs": {}}
    check(config)


def test_nothing_else_is_settled():
    assert settle_networks({"a": 1}, {"distil.total": "3 steps"}, None) == {"a": 1}
