"""How long an image takes in each exported file, all of them timed in turns on one machine.

A machine's speed drifts, and other programs use its cores. What is timed in turns meets the same
weather, so that its times may be compared; the spread tells how far they may be trusted.
"""

import logging

import numpy as np

from keras_kd.export.speed import interleaved
from keras_kd.utils import processors, words

_log = logging.getLogger(__name__)


def compare_latency(files, **limits):
    """Times exported files beside one another, with one image at a time.

    Args:
        files: dict: name of a format -> (`keras_kd.export.format.Format`, path).
        **limits: `turns`, `patience` and `clock` of `keras_kd.export.speed.interleaved`.

    Returns:
        dict: `processor`, its name; `threads`, that it may run at once; `int8_instructions`, a
        list of names or None where the system does not tell; `rows`, a list of dicts of `format`,
        `threads`, `xnnpack` (True or False; not of other runtimes) and what
        `keras_kd.export.speed.Spread` holds.
    """
    ways = [
        ({"format": name, **way}, runner)
        for name, (kind, path) in files.items()
        for way, runner in _ways(name, kind, path)
    ]
    times = interleaved({place: _work(runner) for place, (_, runner) in enumerate(ways)}, **limits)
    return {
        "processor": processors.name(),
        "threads": processors.usable(),
        "int8_instructions": processors.int8_instructions(),
        "rows": [way | times[place]._asdict() for place, (way, _) in enumerate(ways)],
    }


def _ways(name, kind, path):
    """A format's ways; none for a file of before that cannot be opened any more."""
    try:
        return kind.ways(path)
    except (OSError, RuntimeError, ValueError) as error:
        _log.warning("  %s is not timed, since it cannot be opened: %s", name, error)
        return []


def _work(runner):
    """A function that gives the seconds of an inference, behind one that warms the caches."""
    shape = (1, *runner.image_shape)
    image = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return lambda: (runner.timed(image), runner.timed(image))[1]


def notes(facts):
    """What there is to say of integers that are not faster than floats, a list of sentences.

    Args:
        facts: what `compare_latency` gave, perhaps of an older version.
    """
    told, instructions = [], facts.get("int8_instructions")
    if instructions == []:
        told.append(
            "This processor has no instructions for sums of 8-bit products (VNNI, or Arm's dot "
            "product), so integers are hardly faster than floats here; its times say little of a "
            "device that has them."
        )
    medians = {
        row["format"]: row
        for row in facts.get("rows") or []
        if row.get("threads") == 1 and row.get("xnnpack")
    }
    floats, integers = medians.get("float32"), medians.get("int8")
    if floats and integers and integers["low_ms"] > floats["high_ms"]:
        why = f", though the processor has {', '.join(instructions)}: " if instructions else ": "
        told.append(
            f"int8 takes {words.milliseconds(integers['median_ms'])} an image against "
            f"{words.milliseconds(floats['median_ms'])} of float32{why}"
            "only large products gain from integers, not the operators between them, and numbers "
            "that change between integers and floats cost time."
        )
    return told


def log(facts):
    """Tells what was found in the log."""
    _log.info("  Times of all files in turns, on %s:", facts["processor"])
    for row in facts["rows"]:
        _log.info(
            "  %-12s %s: median %s, nine in ten under %s",
            row["format"],
            how(row),
            words.milliseconds(row["median_ms"]),
            words.milliseconds(row["p90_ms"]),
        )
    for note in notes(facts):
        _log.info("  %s", note)


def how(row):
    """ "2 threads, XNNPACK off", of a row of `compare_latency`."""
    threads, xnnpack = row.get("threads"), row.get("xnnpack")
    count = "its own threads" if threads is None else f"{threads} thread{'s' * (threads != 1)}"
    return count if xnnpack is None else f"{count}, XNNPACK {'on' if xnnpack else 'off'}"
