"""A stage that is made longer: its rate against NumPy, its bits after a stop, refusals."""

import json

import keras
import numpy as np
import pytest
import tiny_stage
from tiny_stage import assert_same, endless, images, outcome, stop_after

from keras_kd.config import base, stage
from keras_kd.config.prolong import HOW
from keras_kd.distillation.kd_model import KDModel
from keras_kd.methods import SoftTargets
from keras_kd.run.workdir import Workdir
from keras_kd.training import log as metrics_log
from keras_kd.training import pieces as prolong
from keras_kd.training.pieces import Piece

PEAK = 0.1


def network(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def train(
    folder, total, how="", stream=endless, interval="6 steps", keep=2, schedule="cosine", **changes
):
    """A stage of plain SGD with momentum, in intervals of 6 steps, saved every 2."""
    student = network(1)
    settings = stage(
        total=f"{total} steps", interval=interval, warmup="5 percent", learning_rate=PEAK,
        optimizer="sgd", weight_decay=0.0, clip=0.0, label_weight=0.0, prolong=how,
        schedule=schedule,
    )  # fmt: skip
    tiny_stage.train(folder, student, network(2), settings, stream, keep=keep, **changes)
    return student.get_weights()


def cosine(steps, length, warmup):
    steps = np.asarray(steps, "float64")
    progress = np.clip((steps - warmup) / (length - warmup), 0, 1)
    return PEAK * np.minimum(steps / warmup, 1) * 0.5 * (1 + np.cos(np.pi * progress))


def quadratic(steps, length, warmup):
    steps = np.asarray(steps, "float64")
    progress = np.clip((steps - warmup) / (length - warmup), 0, 1)
    return PEAK * np.minimum(steps / warmup, 1) * (1 - progress) ** 2


def by_hand(rates):
    """The same steps in a plain loop, each at a rate that is told."""
    kd = KDModel(network(1), network(2), [SoftTargets()])
    kd.compile(keras.optimizers.SGD(PEAK, momentum=0.9))
    for step, rate in enumerate(rates):
        kd.optimizer.learning_rate = float(rate)
        kd.train_on_batch(*images(step))
    return kd.student.get_weights()


def assert_close(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# Warm-ups of 5 percent, rounded up: 1 of 14 steps, 2 of 24 or 30, 1 of 10.
OLD = cosine(range(14), 14, 1)


def test_stretched_then_fresh_takes_the_rates_that_it_says(tmp_path):
    train(tmp_path, 14)
    train(tmp_path, 24, "stretch")
    weights = train(tmp_path, 34, "fresh")
    rates = [*OLD, *cosine(range(14, 24), 24, 2), *cosine(range(10), 10, 1)]
    assert_close(weights, by_hand(rates))
    entries = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")
    assert [entry["step"] for entry in entries] == [6, 12, 14, 18, 24, 30, 34]
    assert Workdir(tmp_path, base()).result("distil")["steps"] == 34


def test_fresh_then_stretched_lengthens_the_fresh_part(tmp_path):
    train(tmp_path, 14)
    train(tmp_path, 24, "fresh")
    weights = train(tmp_path, 44, "stretch")
    rates = [*OLD, *cosine(range(10), 10, 1), *cosine(range(10, 30), 30, 2)]
    assert_close(weights, by_hand(rates))


@pytest.mark.parametrize(
    ("how", "added"),
    [("stretch", quadratic(range(14, 24), 24, 2)), ("fresh", quadratic(range(10), 10, 1))],
    ids=HOW,
)
def test_a_quadratic_schedule_is_prolonged_too(tmp_path, how, added):
    train(tmp_path, 14, schedule="quadratic")
    weights = train(tmp_path, 24, how, schedule="quadratic")
    assert_close(weights, by_hand([*quadratic(range(14), 14, 1), *added]))


@pytest.mark.parametrize(
    ("how", "rates", "ends"),
    [
        ("stretch", [*OLD[:8], *cosine(range(8, 24), 24, 2)], [6, 12, 18, 24]),
        ("fresh", [*OLD, *cosine(range(10), 10, 1)], [6, 12, 14, 18, 24]),
    ],
)
def test_an_unfinished_stage_is_prolonged_from_where_it_is(tmp_path, monkeypatch, how, rates, ends):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 8)
        train(tmp_path, 14)
    assert_close(train(tmp_path, 24, how), by_hand(rates))
    entries = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")
    assert [entry["step"] for entry in entries] == ends


@pytest.fixture(scope="module", params=HOW)
def undisturbed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    train(folder, 14)
    train(folder, 24, request.param)
    return request.param, outcome(folder, 24)


LATER = [pytest.param(step, marks=pytest.mark.slow) for step in (18, 24)]


@pytest.mark.parametrize("step", [0, 16, 22, *LATER])
def test_a_prolonged_stage_resumes_to_the_bit(undisturbed, tmp_path, monkeypatch, step):
    how, expected = undisturbed
    train(tmp_path, 14)

    def none(start, stop):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, step)
        train(tmp_path, 24, how, none if step == 0 else endless)
    train(tmp_path, 24, how)
    assert_same(outcome(tmp_path, 24), expected)


def test_falling_back_behind_the_old_end_keeps_the_old_rates(undisturbed, tmp_path):
    """Where the newest checkpoints are lost, what is done again is done at the rates of then."""
    how, expected = undisturbed
    train(tmp_path, 14, keep=20)
    train(tmp_path, 24, how, keep=20)
    kept = Workdir(tmp_path, base()).checkpoints("distil")
    for step in kept.steps():
        if step > 12:
            kept.path(step).unlink()
    (kept.folder / "result.json").unlink()
    train(tmp_path, 24, how, keep=20)
    assert_same(outcome(tmp_path, 24), expected)


def test_several_steps_an_execution_are_prolonged_as_well(tmp_path):
    for folder, several in (("one", 1), ("two", 2)):
        train(tmp_path / folder, 14, steps_per_execution=several)
    weights = [
        train(tmp_path / folder, 24, "fresh", steps_per_execution=several)
        for folder, several in (("one", 1), ("two", 2))
    ]
    assert_close(*weights)


@pytest.mark.parametrize(
    ("total", "how", "message"),
    [
        (24, "", "total=14 there, 24 here"),
        (12, "stretch", "total=14 there, 12 here"),
        (24, "stretch", "num_examples=64 there, 65 here"),
    ],
)
def test_other_lengths_and_data_are_refused(tmp_path, total, how, message):
    train(tmp_path, 14)
    with pytest.raises(ValueError, match=message):
        train(tmp_path, total, how, num_examples=65 if "65" in message else 64)
    lengths = json.loads((tmp_path / "checkpoints" / "distil" / "lengths.json").read_text())
    assert [piece["stop"] for piece in lengths["pieces"]] == [14]


def test_an_interval_may_be_a_share_of_the_total(tmp_path):
    train(tmp_path, 14, interval="50 percent")
    train(tmp_path, 24, "stretch", interval="50 percent")
    entries = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")
    assert [entry["step"] for entry in entries] == [7, 14, 24]


@pytest.mark.parametrize(
    ("how", "pieces", "step", "expected"),
    [
        ("stretch", [(0, 0, 14)], 14, [(0, 0, 14), (14, 0, 50)]),
        ("stretch", [(0, 0, 14)], 0, [(0, 0, 50)]),
        ("stretch", [(0, 0, 14), (14, 14, 30)], 10, [(0, 0, 14), (14, 14, 50)]),
        ("fresh", [(0, 0, 14), (9, 0, 30)], 12, [(0, 0, 14), (9, 0, 30), (30, 30, 50)]),
    ],
)
def test_pieces(how, pieces, step, expected):
    found = prolong.extended([Piece(*piece) for piece in pieces], 50, how, step)
    assert found == [Piece(*piece) for piece in expected]


def test_only_old_ends_that_were_reached_end_an_interval():
    assert prolong.ends([Piece(0, 0, 14), Piece(14, 0, 20)]) == [14, 20]
    assert prolong.ends([Piece(0, 0, 14), Piece(9, 0, 20)]) == [20]
