"""`optimizer_options`: what reaches the constructors, what is refused, and what goes on after."""

import json

import keras
import pytest
import tiny_stage
from tiny_stage import assert_same, outcome, stop_after

from keras_kd import optimizers
from keras_kd.config import base, stage
from keras_kd.optimizers import options
from keras_kd.run.workdir import Workdir
from keras_kd.training.lengths import Lengths, make_optimizer

# Every option of every optimizer, with a value that is not its default.
ALL = {
    "adamw": {
        "amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "decay_filter": "bias$", "epsilon": 1e-3,
        "gradient_accumulation_steps": 2,
    },
    "shampoo": {
        "beta_2": 0.9, "block_size": 64, "decay_filter": "bias$", "epsilon": 1e-3,
        "grafting": "sgd", "interval": 3, "inverse_root": "newton", "matrix_epsilon": 1e-4,
        "momentum": 0.5, "nesterov": False, "start": 2,
    },
    "adam": {
        "amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3,
        "gradient_accumulation_steps": 2,
    },
    "sgd": {"gradient_accumulation_steps": 2, "momentum": 0.5, "nesterov": True},
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_they_reach_the_constructor(name):
    settings = stage(optimizer=name, weight_decay=0.0, optimizer_options=ALL[name])
    made = make_optimizer(settings, Lengths(64, 8)).get_config()
    assert {key: made[key] for key in ALL[name]} == ALL[name]


@pytest.mark.parametrize("name", ALL)
def test_none_is_left_out(name):
    """`momentum_dtype` does not go with amsgrad, and has a test of its own."""
    known = options.known(optimizers.OPTIMIZERS[name])
    assert sorted(ALL[name]) == [option for option in known if option != "momentum_dtype"]


def test_without_any_an_optimizer_is_as_before():
    assert optimizers.build("sgd", 0.1).momentum == 0.9
    assert optimizers.build("adamw", 0.1).epsilon == 1e-7
    assert optimizers.build("adamw", 0.1, options={"momentum_dtype": "float32"}).epsilon == 1e-7


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("adamw", {"epsilonn": 1}, "adamw has the options amsgrad, .*Did you mean 'epsilon'"),
        ("adamw", {"block_size": 8}, "adamw has the options .* Received: block_size=8"),
        ("shampoo", {"blocksize": 8}, "Did you mean 'block_size'"),
        ("sgd", {"name": "x"}, "sgd has the options gradient_accumulation_steps, momentum, nest"),
        ("adam", {"loss_scale_factor": 2.0}, "Received: loss_scale_factor=2.0"),
        ("adamw", {"learning_rate": 0.1}, "Set learning_rate of the stage instead"),
        ("shampoo", {"weight_decay": 0.1}, "Set weight_decay of the stage instead"),
        ("adamw", {"global_clipnorm": 1.0}, "Received: global_clipnorm=1.0. Set clip of the stage"),
        ("sgd", {"clipvalue": 1.0}, "Set clip of the stage instead"),
        ("adam", {"use_ema": True}, "Set ema of the stage instead"),
        ("adamw", {"epsilon": "1e-8"}, "must be a finite number. Received: epsilon='1e-8'"),
        ("adamw", {"epsilon": float("nan")}, "finite number"),
        ("adamw", {"epsilon": 0.0}, "epsilon must be above 0"),
        ("adamw", {"beta_1": True}, "finite number. Received: beta_1=True"),
        ("adam", {"beta_2": 1.0}, r"in \[0, 1\). Received: beta_2=1.0"),
        ("adam", {"amsgrad": 1}, "True or False. Received: amsgrad=1"),
        ("adamw", {"decay_filter": "("}, "a regular expression"),
        ("adamw", {"momentum_dtype": "float16"}, "Received: momentum_dtype='float16'"),
        ("sgd", {"momentum": -0.1}, r"momentum must be in \[0, 1\)"),
        ("sgd", {"gradient_accumulation_steps": 1}, "an integer of at least 2"),
        ("shampoo", {"interval": 2.0}, "interval must be an integer"),
        ("shampoo", {"inverse_root": "svd"}, "Received: inverse_root='svd'"),
        ("shampoo", {"grafting": 1}, "grafting must be a string"),
    ],
)
def test_mistakes_are_named(name, option, message):
    with pytest.raises(ValueError, match=message):
        optimizers.build(name, 0.1, options=option)


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def train(folder, **changes):
    settings = stage(
        total="14 steps", interval="6 steps", warmup="1 steps", learning_rate=0.1, label_weight=0.0
    )
    settings.update(changes)
    tiny_stage.train(folder, network(1), network(2), settings)


STAGES = {
    "bfloat16": {"optimizer_options": {"momentum_dtype": "bfloat16", "epsilon": 1e-8}},
    "averaged": {"optimizer_options": {"momentum_dtype": "bfloat16"}, "ema": 0.9},
    "accumulated": {"optimizer_options": {"gradient_accumulation_steps": 3}},
    "shampoo": {
        "optimizer": "shampoo",
        "schedule": "quadratic",
        "optimizer_options": {"interval": 3, "start": 2},
    },
}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_resumes_to_the_bit(tmp_path, monkeypatch, name):
    train(tmp_path / "straight", **STAGES[name])
    expected = outcome(tmp_path / "straight")
    if "bfloat16" in str(STAGES[name]):
        assert sum(array.itemsize == 2 for array in expected[0].values()) == 2  # kernel and bias
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 8)
        train(tmp_path / "stopped", **STAGES[name])
    train(tmp_path / "stopped", **STAGES[name])
    assert_same(outcome(tmp_path / "stopped"), expected)


def test_another_type_of_the_moment_does_not_go_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 8)
        train(tmp_path)
    with pytest.raises(ValueError, match=r"of another model: it has .*float32.* instead of"):
        train(tmp_path, **STAGES["bfloat16"])


def test_a_working_directory_knows_them(tmp_path):
    config = base()
    config.distil.optimizer_options = {"epsilon": 1e-8, "momentum_dtype": "bfloat16"}
    Workdir(tmp_path, config)
    (tmp_path / "report.json").write_text("{}")
    assert Workdir(tmp_path, config).earlier["distil"]["optimizer_options"]["epsilon"] == 1e-8
    with pytest.raises(ValueError, match=r"options\.epsilon: 1e-08 there, '\(not set"):
        Workdir(tmp_path, base())


def test_a_working_directory_from_before_there_were_any_goes_on(tmp_path):
    Workdir(tmp_path, base())
    (tmp_path / "report.json").write_text("{}")
    known = json.loads((tmp_path / "config.json").read_text())
    for section in (known["distil"], known["baseline"], known["teacher"]["train"]):
        del section["optimizer_options"]
    (tmp_path / "config.json").write_text(json.dumps(known))
    assert Workdir(tmp_path, base()).earlier == json.loads(base().to_json_best_effort())
