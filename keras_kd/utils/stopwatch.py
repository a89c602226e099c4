"""How long a short piece of work takes on a machine that is busy with other things, too.

A machine's speed drifts: others use its cores, its clock follows its heat. So the work is timed in
turns with a reference of known speed, and counts relative to that: what slows one slows both.
"""

import math
import statistics
import time
from typing import NamedTuple

TURN = 0.01  # s that a turn of one of them should take
TURNS = (7, 40)  # the fewest and the most
CLOSE = 0.02  # half the spread of the median, relative, at which it is known well enough
MOST_RUNS = 1000  # a turn
PATIENCE = 5.0  # s after which no further turn begins


class Timing(NamedTuple):
    """What was found, in seconds of one run on the machine as it was when the reference was timed.

    Attributes:
        seconds: the median of the turns.
        low: a quarter of the turns was faster.
        high: a quarter of the turns was slower.
        runs: how often the work was timed.
    """

    seconds: float
    low: float
    high: float
    runs: int


def quiet_seconds(work, clock=time.perf_counter):
    """Seconds of a run while the machine does little else: the fastest turn's median.

    Args:
        work: function without arguments.
        clock: function that gives seconds.
    """
    count = _runs_of_a_turn(work, clock)
    return min(_turn(work, count, clock) for _ in range(TURNS[0]))


def timed_beside(work, reference, reference_seconds, clock=time.perf_counter):
    """Times some work in turns with a reference.

    Args:
        work: function without arguments.
        reference: another, of about as many operations or fewer.
        reference_seconds: what `quiet_seconds` gave for `reference`, perhaps in another process.
        clock: function that gives seconds.

    Returns:
        a `Timing`.
    """
    began = clock()
    counts = [_runs_of_a_turn(one, clock) for one in (work, reference)]
    ratios = []
    while len(ratios) < TURNS[0] or not _known(ratios):
        if len(ratios) == TURNS[1] or (ratios and clock() - began > PATIENCE):
            break
        pair = [(work, counts[0]), (reference, counts[1])]
        order = (0, 1) if len(ratios) % 2 else (1, 0)  # a drift hits either first
        took = {place: _turn(*pair[place], clock) for place in order}
        ratios.append(took[0] / took[1])
    low, middle, high = (reference_seconds * share for share in _quartiles(ratios))
    return Timing(middle, low, high, counts[0] * len(ratios))


def _turn(work, count, clock):
    """Median of the seconds of some runs: one that was interrupted does not count."""
    return statistics.median(_once(work, clock) for _ in range(count))


def _once(work, clock):
    start = clock()
    work()
    return max(clock() - start, 1e-9)


def _runs_of_a_turn(work, clock):
    """So many that a turn takes its time; the first run, which sets things up, does not count."""
    _once(work, clock)
    took = min(_once(work, clock) for _ in range(3))
    return min(MOST_RUNS, max(1, round(TURN / took)))


def _quartiles(values):
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def _known(ratios):
    low, middle, high = _quartiles(ratios)
    return (high - low) / 2 / math.sqrt(len(ratios)) <= CLOSE * middle
