"""The trial that chooses a teacher's engine: each candidate is built, compared, and timed."""

import logging
import statistics
import time
import warnings

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-4  # of an output, relative to its largest value where that is above 1
TOLERANCE_16_BIT = 5e-2  # where the teacher itself computes in half precision
ROUNDS = 5
SECONDS = 5.0  # a candidate's rounds end after this; long rounds differ little
LOSING = 3.0  # so many times slower than the best: not timed again
_logger = logging.getLogger(__name__)


def difference(outputs, reference):
    """The largest difference of two outputs dicts, relative to max(1, the output's largest)."""
    worst = 0.0
    for name, expected in reference.items():
        expected = tf.cast(expected, tf.float32).numpy().astype("float64")
        given = tf.cast(outputs[name], tf.float32).numpy().astype("float64")
        gap = np.abs(given - expected).max() / max(1.0, np.abs(expected).max())
        worst = max(worst, float(gap)) if np.isfinite(gap) else np.inf
    return worst


def build(makers, images, reference, tolerance, level=logging.INFO):
    """Builds candidates and drops those that do not build or do not agree with the original.

    Args:
        makers: dict from engine to a function that makes it.
        images: the batch `[B, H, W, C]`.
        reference: the original's outputs for it.
        tolerance: largest allowed `difference`.
        level: of the log in which each building is told.

    Returns:
        (engines, differences, notes): dicts from engine to the function that runs it and to its
        difference, and a list of sentences.
    """
    engines, differences, notes = {}, {}, []
    for name, make in makers.items():
        began = time.monotonic()
        try:
            run = make()
            gap = difference(run(images), reference)
        except Exception as error:  # a compiler or converter raises whatever it stumbles over
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            notes.append(f"{name} does not build: {first[:200]}")
            warnings.warn(f"Teacher engine {notes[-1]}", stacklevel=2)
            continue
        differences[name] = gap
        if gap > tolerance:
            notes.append(f"{name} refused: it differs from the original by {gap:.1e}")
            warnings.warn(f"Teacher engine {notes[-1]} (allowed: {tolerance:.0e}).", stacklevel=2)
            continue
        _logger.log(level, "teacher engine: %s built in %.1f s", name, time.monotonic() - began)
        engines[name] = run
    return engines, differences, notes


def measure(engines, images):
    """Images per second of each engine: the median of rounds in which all take turns.

    One that clearly loses leaves after its first round.

    Args:
        engines: dict from name to function, each called once already.
        images: the batch `[B, H, W, C]`.

    Returns:
        dict from name to images per second.
    """
    seconds = {name: [] for name in engines}
    racing = dict(engines)
    for _ in range(ROUNDS):
        for name, run in list(racing.items()):
            began = time.perf_counter()
            run(images)["logits"].numpy()  # waits for an accelerator too
            seconds[name].append(time.perf_counter() - began)
        best = min(min(times) for times in seconds.values())
        for name in list(racing):
            if min(seconds[name]) > LOSING * best or sum(seconds[name]) > SECONDS:
                del racing[name]
    return {n: round(len(images) / statistics.median(t), 1) for n, t in seconds.items()}
