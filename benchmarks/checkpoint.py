"""What checkpoints cost: the digits demo's distillation with one every 100 steps, and without.

    python benchmarks/checkpoint.py [--steps=400] [--rounds=5] [--every=100]

Trains the demo's student again and again in one process, with and without checkpoints in turn so
that the machine's drift hits both alike, and compares the training seconds (first step and
evaluation apart) round by round. Both save once at the end of the stage.

Where that ratio drowns in the machine's drift, the direct count still tells: the seconds that a
checkpoint stops the step for, plus the processor seconds of the thread that writes it (which the
step loses at most, where all cores are busy), over the seconds of the steps between two
checkpoints. Writes benchmarks/results/checkpoint.json.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from keras_kd.configs import digits
from keras_kd.distribution import strategies
from keras_kd.run import Experiment
from keras_kd.training import checkpoints, saving
from keras_kd.utils import processors

RESULTS = Path(__file__).parent / "results" / "checkpoint.json"


def seconds(config, every):
    """Seconds of training of one distillation with checkpoints `every` so many steps."""
    config = config.copy_and_resolve_references()
    config.checkpoint.every = every
    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(config, folder, strategies.build())
        with experiment.strategy.scope():
            # Cost depends on the networks' sizes, not on what the teacher knows.
            teaching, *_, last = experiment.stages
            teacher, _ = experiment.learner(teaching)
            result = experiment.assemble(last, teacher, compiled=teacher).train()
    return result["seconds"]


@contextlib.contextmanager
def counted(owner, method, clock, into):
    """Appends to a list what each call of a method takes by a clock."""
    original = getattr(owner, method)

    def timed(*args, **kwargs):
        begin = clock()
        try:
            return original(*args, **kwargs)
        finally:
            into.append(clock() - begin)

    with mock.patch.object(owner, method, timed):
        yield


def main():
    """Measures, prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="steps of a stage")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of stages")
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    arguments = parser.parse_args()
    config = digits.get_config()
    config.distil.total = config.distil.interval = f"{arguments.steps} steps"
    pairs, stopped, written = [], [], []
    for index in range(arguments.rounds):
        variants = [f"{arguments.every} steps", ""]
        if index % 2:
            variants.reverse()
        with (
            counted(saving.Save, "save", time.perf_counter, stopped),
            counted(checkpoints.Checkpoints, "save", time.thread_time, written),
        ):
            taken = {every: seconds(config, every) for every in variants}
        pairs.append((taken[f"{arguments.every} steps"], taken[""]))
        print(f"round {index}: {pairs[-1][0]:.2f} s with, {pairs[-1][1]:.2f} s without", flush=True)
    ratios = [with_ / without for with_, without in pairs]
    between = statistics.median(p[1] for p in pairs) * arguments.every / arguments.steps
    one = statistics.median(stopped), statistics.median(written)
    result = {
        "steps": arguments.steps,
        "every": arguments.every,
        "seconds_with": [pair[0] for pair in pairs],
        "seconds_without": [pair[1] for pair in pairs],
        "ratio_of_medians": statistics.median(p[0] for p in pairs)
        / statistics.median(p[1] for p in pairs),
        "ratio_of_minima": min(p[0] for p in pairs) / min(p[1] for p in pairs),
        "ratios": ratios,
        "stopped_seconds": one[0],
        "writer_processor_seconds": one[1],
        "direct_share": sum(one) / between,
        "machine": {
            "cores": processors.usable(),
            "processor": platform.processor() or platform.machine(),
            "tensorflow": tf.__version__,
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(
        f"A checkpoint every {arguments.every} steps costs "
        f"{result['ratio_of_medians'] - 1:+.1%} (ratio of medians; of minima "
        f"{result['ratio_of_minima'] - 1:+.1%}; rounds {min(ratios) - 1:+.1%} to "
        f"{max(ratios) - 1:+.1%}). Directly: the step stops for {1000 * one[0]:.1f} ms, the writer "
        f"works for {1000 * one[1]:.1f} ms, {result['direct_share']:.2%} of the time between two."
    )


if __name__ == "__main__":
    main()
