"""The trial: what fails or differs is refused, what loses is timed once, what won stays."""

import importlib
import weakref

import pytest
import tensorflow as tf
from frozen_networks import assert_close, pictures

from keras_kd.teachers.frozen import engines, freeze, trial
from keras_kd.teachers.frozen.fold import fold


@pytest.mark.parametrize("winner", ["graph", "litert"])
def test_what_the_winner_does_not_read_is_let_go(small, monkeypatch, winner):
    watched = {"litert": [], "folded": []}

    def watch(name, make):
        def made(*args):
            result = make(*args)
            watched[name].append(weakref.ref(result))
            return result

        return made

    module = importlib.import_module(freeze.__module__)
    monkeypatch.setattr(module, "fold", watch("folded", fold))
    monkeypatch.setattr(engines, "LiteRT", watch("litert", engines.LiteRT))
    monkeypatch.setattr(trial, "measure", lambda built, _: {n: n == winner for n in built})
    teacher = freeze(small, batch_size=2)
    assert teacher.engine == winner
    alive = {name: [one() is not None for one in ones] for name, ones in watched.items()}
    assert alive == {"litert": [winner == "litert"], "folded": [winner == "graph"]}
    x = pictures(small, 3)
    assert_close(teacher(x), small(x, training=False))


def test_what_fails_or_differs_is_refused_and_noted(small, monkeypatch):
    def broken(*args):
        raise RuntimeError("no such kernel")

    wrong = lambda *args: lambda images: {"logits": tf.zeros([len(images), 5])}  # noqa: E731
    monkeypatch.setattr(engines, "as_litert", broken)
    monkeypatch.setattr(engines, "as_xla", wrong)
    with pytest.warns(UserWarning, match=r"litert does not build|xla refused"):
        teacher = freeze(small, batch_size=2)
    assert teacher.engine in ("graph", "keras")
    assert "litert does not build: no such kernel" in teacher.facts["notes"]
    assert any("xla refused" in note for note in teacher.facts["notes"])
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="engine xla fails"):
        freeze(small, engine="xla")


def test_a_slow_engine_is_timed_once():
    calls = {"slow": 0, "fast": 0}

    def engine(name, seconds):
        def run(images):
            calls[name] += 1
            tf.py_function(lambda: __import__("time").sleep(seconds), [], [])
            return {"logits": tf.zeros([2, 1])}

        return run

    speeds = trial.measure({"slow": engine("slow", 0.3), "fast": engine("fast", 0.01)}, [0, 0])
    assert calls == {"slow": 1, "fast": trial.ROUNDS}
    assert speeds["fast"] > 3 * speeds["slow"]
