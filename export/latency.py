"""How fast the files are on this machine: processor, threads, kernels, and how sure that is."""

import numpy as np

from keras_kd.export import formats
from keras_kd.export.speed import interleaved
from keras_kd.utils import processors, words

SLOWER = 1.05  # of the time in floats, from which integers are told to be slower
INTEGERS, FLOATS = "int8", "float32"


def measured(files):
    """Times files in turns: by one and by all threads, with XNNPACK and without.

    Args:
        files: dict: name of a format -> path.

    Returns:
        dict: `processor`, its name; `instructions`, of it, that multiply int8 without a detour;
        `rows`, dicts with `format`, `threads`, perhaps `xnnpack`, and what
        `keras_kd.export.speed.Spread` holds; `note`, empty or why integers may be slower here.
    """
    threads = sorted({1, processors.usable()})
    ways = [
        ({"format": name, **facts}, runner)
        for name, path in files.items()
        for facts, runner in formats.get(name).ways(path, threads)
    ]
    timed = {place: _work(runner) for place, (_, runner) in enumerate(ways)}
    times = interleaved(timed) if timed else {}
    rows = [facts | times[place]._asdict() for place, (facts, _) in enumerate(ways)]
    told = processors.described()
    return {**told, "rows": rows, "note": note(rows, told["instructions"])}


def note(rows, instructions):
    """Why integers are slower than floats on a processor, or "" where they are not.

    Args:
        rows: as of `measured`.
        instructions: as of `measured`.
    """
    one = {row["format"]: row["median_ms"] for row in rows
           if row["threads"] == 1 and row.get("xnnpack")}  # fmt: skip
    if not one.keys() >= {INTEGERS, FLOATS} or one[INTEGERS] < SLOWER * one[FLOATS]:
        return ""
    compared = f"{INTEGERS} takes {one[INTEGERS] / one[FLOATS]:.2g} times as long as {FLOATS} here"
    if instructions:
        return (
            f"{compared}, though the processor has {', '.join(instructions)}: so small a network "
            "spends its time on what surrounds the multiplications"
        )
    return (
        f"{compared}: the processor has no instruction that multiplies int8 and adds to int32 "
        "(VNNI on x86, dot product on Arm), so integers are widened first; a device that has one "
        "tells another story"
    )


def lines(found):
    """What `measured` found, for the log."""
    known = ", ".join(found["instructions"]) or "no instruction for int8 products"
    yield f"timed in turns on {found['processor']} ({known})"
    for row in found["rows"]:
        yield (
            f"{row['format']:12s} {way(row)}: median {words.milliseconds(row['median_ms'])}, "
            f"9 in 10 under {words.milliseconds(row['p90_ms'])}"
        )
    if found["note"]:
        yield found["note"]


def way(row):
    """ "1 thread, XNNPACK off"."""
    count = row["threads"]
    threads = "1 thread" if count == 1 else f"{count} threads"
    kernels = {True: ", XNNPACK", False: ", XNNPACK off"}.get(row.get("xnnpack"), "")
    return f"{threads}{kernels}"


def _work(runner):
    shape = (1, *runner.image_shape)
    image = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return lambda: runner.timed(image)
