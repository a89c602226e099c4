"""What all methods take: weights, warm-up, taps; and the table of them."""

import types

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

import keras_kd
from keras_kd import methods
from keras_kd.config import check
from keras_kd.config.chain import last_stage
from keras_kd.config.training import methods_of
from keras_kd.methods import SoftTargets
from keras_kd.methods.__main__ import rows, table
from keras_kd.run.networks import build_learner
from keras_kd.training.lengths import Lengths


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(weight):
    with pytest.raises(ValueError, match=r"weight must be a finite number.*Received: weight="):
        SoftTargets(weight=weight)


@pytest.mark.parametrize("steps", [-1, 2.5, "10 epochs", True])
def test_an_impossible_warm_up_is_refused(steps):
    with pytest.raises(ValueError, match="warmup_steps must be a whole number"):
        SoftTargets(warmup_steps=steps)


def test_several_sources_are_for_methods_that_take_them():
    with pytest.raises(ValueError, match=r"SoftTargets follows one source.*\('teacher', 'big'\)"):
        SoftTargets(source=("teacher", "big"))


def test_the_weight_rises_linearly():
    method = SoftTargets(weight=3.0, warmup_steps=4)
    weights = [float(method.weight_at(step)) for step in range(6)]
    np.testing.assert_allclose(weights, [0.75, 1.5, 2.25, 3.0, 3.0, 3.0])
    assert SoftTargets(weight=3.0).weight_at(0) == 3.0


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [("8.3 percent", 17), ("5%", 10), ("2 epochs", 20), ("96 examples", 6), ("7 steps", 7), (7, 7)],
    ids=str,
)
def test_a_warm_up_in_words_is_counted_once_the_stage_is_known(warmup, expected):
    method = SoftTargets(warmup=warmup)
    with pytest.raises(ValueError, match=r"must know its stage to warm up.*Give warmup_steps"):
        method.weight_at(0)
    method.set_stage(total=200, batch_size=16, num_examples=160)
    assert method.warmup_steps == expected
    assert float(method.weight_at(0)) == pytest.approx(1 / expected)
    copy = SoftTargets.from_config(method.get_config())
    assert copy.get_config() == method.get_config() and copy.warmup_steps is None


def test_warm_ups_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"Only one of warmup and warmup_steps.*warmup_steps=3"):
        SoftTargets(warmup="5 percent", warmup_steps=3)
    with pytest.raises(ValueError, match=r"warmup: A length is a number.*'5 years'"):
        SoftTargets(warmup="5 years")
    units = {"total": 100, "batch_size": 10, "num_examples": 100}
    for kwargs, steps in (({"warmup": "11 epochs"}, 110), ({"warmup_steps": 101}, 101)):
        with pytest.raises(ValueError, match=f"longer than its stage of 100 .* which is {steps} "):
            SoftTargets(**kwargs).set_stage(**units)
        SoftTargets(**kwargs).set_stage(**{**units, "total": steps})


def test_a_config_holds_several_methods_of_a_kind():
    config = tiny_run()
    config.distil.label_weight = 0.1
    taps = {"teacher_taps": ["pre_logits"], "num_examples": 64}
    config.distil.methods = {
        "crd": {"student_taps": ["stage3"], **taps},
        "crd:2": {"student_taps": ["stage2"], **taps},
        "CRD:deep": {"student_taps": ["stem"], **taps, "name": "other"},
    }
    check(config)
    chosen = methods_of(config.distil)
    assert [type(method) for method in chosen] == 3 * [methods.CRD]
    found = {method.name: method.student_taps for method in chosen}
    assert found == {"crd": ("stage3",), "crd_2": ("stage2",), "other": ("stem",)}


def test_what_follows_the_colon_is_one_word():
    for name in ("crd:", "crd:a b", "crd:1:2"):
        with pytest.raises(ValueError, match=r"follows the colon.*Write for example 'crd:2'"):
            methods.get(name, num_examples=4)
    with pytest.raises(ValueError, match=r"must be one of.*name='cdr:2'\. Did you mean 'crd'"):
        methods.get("cdr:2", num_examples=4)


@pytest.mark.parametrize(("total", "batch", "expected"), [(60, 16, 30), (60, 32, 30), (20, 16, 10)])
def test_a_config_s_warm_up_follows_its_stage(total, batch, expected):
    config = tiny_run(total, batch_size=batch)
    config.distil.methods = {"soft_targets": {"warmup": "50 percent"}}
    source, stage = types.SimpleNamespace(num_classes=10, channels=1), last_stage(config)
    _, (method,) = build_learner(config, stage, source, Lengths(64, batch))
    assert method.warmup_steps == expected


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


@pytest.mark.parametrize("start", [0, 2])
def test_a_step_counts_with_the_weight_it_has_then(start):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    moved = {}
    for warmup in (0, 4):
        kd = keras_kd.KDModel(network(1), network(2), SoftTargets(warmup_steps=warmup))
        kd.compile(keras.optimizers.SGD(0.5))
        kd.go_on_from(start)
        before = kd.student.get_weights()[0]
        logs = kd.train_on_batch(x, return_dict=True)
        moved[warmup] = kd.student.get_weights()[0] - before
    np.testing.assert_allclose(moved[4], moved[0] * (start + 1) / 4, rtol=1e-4, atol=1e-7)
    assert float(logs["loss"]) == pytest.approx(float(logs["soft_targets"]) * (start + 1) / 4)


def test_the_table_lists_every_method():
    found = {row["method"] for row in rows()}
    assert found == {methods.base.snake_case(name) for name in methods.METHODS}
    assert {row["knowledge"] for row in rows()} == {"response", "feature", "relation"}
    assert "2203.08679" in next(row["paper"] for row in rows() if row["method"] == "dkd")
    assert max(map(len, table().splitlines())) < 130


def test_a_wrong_tap_lists_the_taps_and_the_nearest():
    method = methods.AttentionTransfer(student_taps=["dense_1"], teacher_taps=["dense"])
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="dense_one")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    with pytest.raises(ValueError, match=r"Did you mean 'dense_one'.*Taps there are: .*dense_one"):
        keras_kd.KDModel(model, keras.models.clone_model(model), method)


def test_an_unknown_argument_lists_inherited_ones_too():
    with pytest.raises(ValueError, match=r"DKD takes alpha, beta, .*standardize.*warmup_steps"):
        methods.get("dkd", betta=1.0)
