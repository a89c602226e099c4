"""The clock of a stage: which step it is, when an interval ends, and how long it took."""

from types import SimpleNamespace

import tensorflow as tf
from stoppable_stage import train

from keras_kd.training import stage as stages
from keras_kd.training.clock import Clock


def fit(clock, batches):
    """A fit of so many steps, each of which takes no time that could be measured."""
    clock.set_model(SimpleNamespace(first_bad_step=None))
    clock.on_epoch_begin(0)
    ends = []
    for batch in range(batches):
        clock.on_train_batch_end(batch)
        ends += [clock.step] if clock.at_end else []
    return ends


def test_an_interval_ends_where_it_says_whatever_a_fit_covers():
    clock = Clock(0, interval=6, total=14, ends=(8,))
    assert fit(clock, 5) + fit(clock, 9) == [6, 8, 12, 14]
    clock = Clock(7, interval=6, total=14, ends=(8,))
    assert not clock.started and clock.next_end == 8
    fit(clock, 1)
    assert clock.started and clock.next_end == 14


def test_several_steps_an_execution_are_counted_together():
    clock = Clock(4, interval=4, total=12)
    clock.set_model(SimpleNamespace(first_bad_step=None))
    clock.on_epoch_begin(0)
    clock.on_train_batch_end(1)
    clock.on_train_batch_end(3)
    assert clock.step == 8
    assert (clock.times["first_steps"], clock.times["steps"]) == (2, 2)


def test_the_rate_is_that_of_the_steps_after_the_first():
    clock = Clock(
        6, 6, 12, {"steps": 5, "step_seconds": 2.0, "first_steps": 1, "first_step_seconds": 9.0}
    )
    assert clock.rate() == 2.5
    assert clock.seconds() == {"seconds": 2.0, "first_step_seconds": 9.0}
    clock = Clock(1, 6, 12, {"first_steps": 1, "first_step_seconds": 4.0})
    assert (clock.rate(), clock.seconds()) == (0.25, {"seconds": 0.0, "first_step_seconds": 4.0})


def test_a_whole_stage_logs_each_interval_and_counts_time_apart(undisturbed):
    result, (_, entries) = undisturbed
    assert [entry["step"] for entry in entries] == [6, 12, 14]
    assert result["steps"] == 14
    assert result["first_step_seconds"] > 0 and result["seconds"] > 0
    assert {"accuracy", "kl", "agreement", "images_per_second"} <= result.keys()
    # The first step traces and compiles, which takes hundreds of the others' time.
    assert result["images_per_second"] > 8 / result["first_step_seconds"]


def test_a_steps_numbers_stay_on_the_device(tmp_path, monkeypatch):
    """As floats, which Keras's own list of callbacks makes of them, each step would wait."""
    seen, real = [], stages.Clock.on_train_batch_end

    def noting(self, batch, logs=None):
        seen.extend(logs.values())
        real(self, batch, logs)

    monkeypatch.setattr(stages.Clock, "on_train_batch_end", noting)
    train(tmp_path)
    assert len(seen) >= 14
    assert all(isinstance(value, tf.Tensor) for value in seen)
