"""The stopwatch on machines of which every second is known."""

import pytest
from machine import Machine

from keras_kd.utils import stopwatch
from keras_kd.utils.stopwatch import quiet_seconds, timed_beside


def test_a_quiet_machine():
    machine = Machine()
    found = timed_beside(machine.work(3e-3), machine.work(1e-3), 1e-3, machine.clock)
    assert found.seconds == pytest.approx(3e-3) == found.low == found.high
    assert found.runs == 7 * 3  # turns of 3 runs, which take 10 ms


def test_a_reference_corrects_for_a_machine_that_is_slower_now():
    """Known at 1 ms, the reference takes 2.5 ms now: so does all else."""
    machine = Machine([2.5])
    found = timed_beside(machine.work(3e-3), machine.work(1e-3), 1e-3, machine.clock)
    assert found.seconds == pytest.approx(3e-3)


def test_a_drift_hits_both():
    """It slows down by half on the way: turns in one order alone would be off."""
    machine = Machine([1 + 0.0002 * i for i in range(2500)])
    found = timed_beside(machine.work(3e-3), machine.work(1e-3), 1e-3, machine.clock)
    assert found.seconds == pytest.approx(3e-3, rel=0.01)
    assert found.low < found.seconds < found.high


def test_interruptions_do_not_count():
    """Each ninth run waits for another process, ten times as long as the run itself."""
    machine = Machine([1.0] * 8 + [10.0])
    found = timed_beside(machine.work(1e-3), machine.work(2e-3), 2e-3, machine.clock)
    assert found.seconds == pytest.approx(1e-3)


@pytest.mark.parametrize(("seconds", "turn"), [(1e-5, 1000), (1e-4, 100), (0.05, 1)])
def test_runs_are_as_many_as_fill_a_turn(seconds, turn):
    machine = Machine()
    found = timed_beside(machine.work(seconds), machine.work(seconds), 1e-3, machine.clock)
    assert found.runs == 7 * turn


def test_noise_takes_more_turns_but_not_for_ever():
    machine = Machine([1.0, 3.0, 1.5, 4.0, 2.0, 1.0, 5.0])
    found = timed_beside(machine.work(0.02), machine.work(0.02), 0.02, machine.clock)
    assert 7 < found.runs <= stopwatch.TURNS[1]
    assert found.high > found.seconds > found.low
    machine = Machine()
    slow = timed_beside(machine.work(3.0), machine.work(1.0), 1.0, machine.clock)
    assert slow.seconds == pytest.approx(3.0) and slow.runs == 1


def test_the_quiet_moment_counts():
    machine = Machine([2.0] * 20 + [1.0] * 40)
    assert quiet_seconds(machine.work(1e-3), machine.clock) == pytest.approx(1e-3)
