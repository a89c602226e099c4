"""Times the steps of a stage as they are in a run, and leaves nothing behind."""

import itertools
import time

from keras_kd.run.experiment import Experiment


class Unsaved(Experiment):
    """An `Experiment` that leaves nothing in its working directory, and reads no checkpoint."""

    writes = False
    workdir = None


def endless(stream):
    """Batches from step 0 on; where a stream ends, as a cache's does, the next one goes on.

    Args:
        stream: function of two steps, as `keras_kd.training.stage.StageData.train`.
    """
    step = 0
    while True:
        data, until = stream(step, step + 10**6)
        yield from itertools.islice(data, until - step)
        step = until


def timed(kd, batches, count):
    """Seconds of waiting for data and of stepping, for each of some steps.

    Args:
        kd: a compiled `KDModel`.
        batches: iterator of its batches.
        count: number of steps.

    Returns:
        two lists of float.
    """
    waits, steps = [], []
    for _ in range(count):
        start = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        kd.train_on_batch(*batch)  # Returns numbers, and so when the step is done.
        waits.append(ready - start)
        steps.append(time.perf_counter() - ready)
    return waits, steps
