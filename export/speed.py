"""Times of several files on one machine, measured in turns so that what slows one slows all."""

import time
from typing import NamedTuple

import numpy as np

TURNS = 60
PATIENCE = 10.0  # s after which no further turn begins
FEWEST = 5  # turns, however long they take


class Spread(NamedTuple):
    """Milliseconds of an image.

    Attributes:
        median_ms: half of the turns were faster.
        p90_ms: nine in ten were.
        low_ms: a quarter was faster.
        high_ms: a quarter was slower.
        runs: how many turns there were.
    """

    median_ms: float
    p90_ms: float
    low_ms: float
    high_ms: float
    runs: int


def interleaved(timed, turns=TURNS, patience=PATIENCE, clock=time.perf_counter):
    """Times works in turns, in an order that changes from turn to turn.

    Args:
        timed: dict: name -> function without arguments that runs the work and returns its seconds.
        turns: how often each is run, at most; twice before that to warm up.
        patience: s after which no further turn begins, once there were `FEWEST`.
        clock: function that gives seconds.

    Returns:
        dict: name -> `Spread`.
    """
    for work in list(timed.values()) * 2:
        work()
    rng, names = np.random.default_rng(0), list(timed)
    found = {name: [] for name in names}
    began = clock()
    for turn in range(turns):
        if turn >= FEWEST and clock() - began > patience:
            break
        for place in rng.permutation(len(names)):
            name = names[place]
            found[name].append(1e3 * timed[name]())
    return {name: _spread(values) for name, values in found.items()}


def _spread(milliseconds):
    low, median, high, p90 = np.percentile(milliseconds, [25, 50, 75, 90]).tolist()
    return Spread(median, p90, low, high, len(milliseconds))
