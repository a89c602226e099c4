"""Seconds a training step, keras-kd and its peers side by side, in interleaved rounds.

Every peer is a process of its own that builds, compiles, and then waits. Rounds go around the
peers one after another, so that a drift of the machine hits all alike, and only one works at a
time. A peer that fails is noted with its reason and left out.

    python benchmarks/step.py --cases=a,c,d --torch_python=PATH_TO_PYTHON_WITH_TORCH
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import app, flags
from step_cases import CASES, KERAS_PEERS, ONEDNN, OURS, PEERS, PLAIN

# Not keras_kd.utils.processors: keras_kd sets an environment variable that the peers would inherit.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
FLAGS = flags.FLAGS
flags.DEFINE_list("cases", ["a", "c", "d"], f"of {', '.join(CASES)}")
flags.DEFINE_list("peers", list(PEERS), f"of {', '.join(PEERS)}")
flags.DEFINE_integer("rounds", 7, "timed rounds of each peer", lower_bound=1)
flags.DEFINE_integer("steps", 3, "steps a round", lower_bound=1)
flags.DEFINE_integer("threads", CORES, "threads of each framework", lower_bound=1)
flags.DEFINE_string("torch_python", sys.executable, "a Python that has torch")
flags.DEFINE_string("out", "", "file of the results; default: results/step.json beside this file")
HERE = Path(__file__).parent


class Peer:
    """One process; `ask` sends a line and returns the answer, `error` tells why it ended."""

    def __init__(self, name, case):
        keras = name in KERAS_PEERS
        script = HERE / ("step_keras.py" if keras else "step_torch.py")
        python = sys.executable if keras else FLAGS.torch_python
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the peer
        # Idle threads must sleep, not spin: the next peer needs the processor.
        quiet = {"OMP_WAIT_POLICY": "PASSIVE", "STEP_THREADS": str(FLAGS.threads)}
        if name.endswith((ONEDNN, PLAIN)) or name in OURS:
            quiet["TF_ENABLE_ONEDNN_OPTS"] = "0" if name.endswith(PLAIN) else "1"
        kind = name.removesuffix(ONEDNN).removesuffix(PLAIN)
        self.process = subprocess.Popen(
            [python, str(script), kind, case],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **quiet},
        )  # fmt: skip

    def answer(self):
        """The next answer, or None when the process has ended."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.answer()

    def error(self):
        self.process.wait()
        self.log.seek(0)
        lines = [line.strip() for line in self.log.read().splitlines() if line.strip()]
        return f"exit code {self.process.returncode}: {lines[-1][:300] if lines else 'no message'}"

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # it may have ended by itself
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def matrix_product_rate():
    """FLOP/s of large float32 products, the best of some, in this process."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(FLAGS.threads)
    side = 2048
    a = tf.random.normal((side, side))
    best = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        tf.matmul(a, a)[0, 0].numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def run_case(case):
    """Starts every peer, measures in interleaved rounds, and returns the case's results."""
    peers, results, times = {}, {}, {}
    try:
        for name in FLAGS.peers:
            peer = Peer(name, case)
            peers[name] = peer
            facts = peer.answer()
            if facts is None:
                results[name] = {"error": peer.error()}
            else:
                results[name], times[name] = facts, []
            print(f"  {name}: {_short(results[name])}", flush=True)
        rates = []
        for _ in range(FLAGS.rounds):
            rates.append(matrix_product_rate())
            for name in list(times):
                answer = peers[name].ask(f"go {FLAGS.steps}")
                if answer is None:
                    results[name]["error"] = peers[name].error()
                    del times[name]
                    continue
                times[name].append(answer)
        return summary(case, results, times, statistics.median(rates))
    finally:
        for peer in peers.values():
            peer.close()


def _short(facts):
    if "error" in facts:
        return facts["error"]
    return f"first step after {facts['seconds_to_first_step']:.0f} s"


def summary(case, results, times, rate):
    """The peers' medians and spreads, ratios to keras-kd, and shares of the product's rate."""
    flops = next((r["flops"] for r in results.values() if "flops" in r), None)
    for name, rounds in times.items():
        seconds = [answer["seconds"] for answer in rounds]
        median = statistics.median(seconds)
        results[name].update(
            seconds={
                "median": median,
                "min": min(seconds),
                "quartiles": _quartiles(seconds),
            },
            processor_seconds=statistics.median(a["processor_seconds"] for a in rounds),
            peak_bytes=rounds[-1]["peak_bytes"],
        )
        if flops:
            student, teacher = (f * CASES[case]["batch"] for f in flops)
            work = teacher * (not _no_teacher(name)) + 3 * student * ("teacher" not in name)
            results[name]["share_of_matrix_product"] = work / median / rate
    ours = [n for n in times if n.startswith("keras_kd")]
    if ours:
        best = min(results[n]["seconds"]["median"] for n in ours)
        for name in times:
            results[name]["ratio_to_keras_kd"] = results[name]["seconds"]["median"] / best
    counts = {tuple(r["parameters"]) for r in results.values() if "parameters" in r}
    return {
        "title": CASES[case]["title"],
        "matrix_product_flops_per_second": rate,
        "same_parameter_counts": len(counts) == 1,
        "peers": results,
    }


def _quartiles(seconds):
    return (
        statistics.quantiles(seconds, n=4, method="inclusive")[::2]
        if len(seconds) > 1
        else seconds * 2
    )


def _no_teacher(name):
    return name.startswith("cached") or name.endswith("student")


def table(result):
    print(f"\n{result['title']}")
    print(f"matrix product {result['matrix_product_flops_per_second'] / 1e9:.0f} GFLOP/s", end="; ")
    print(f"equal parameter counts: {result['same_parameter_counts']}")
    columns = ("peer", "median s", "min s", "quartiles", "x keras_kd", "share", "peak GB")
    print("{:14s} {:>8s} {:>7s} {:>13s} {:>10s} {:>6s} {:>8s}".format(*columns))
    for name, peer in result["peers"].items():
        if "error" in peer:
            print(f"{name:14s} {peer['error']}")
            continue
        seconds = peer["seconds"]
        spread = "{:.3f}-{:.3f}".format(*seconds["quartiles"])
        print(
            f"{name:14s} {seconds['median']:8.3f} {seconds['min']:7.3f} {spread:>13s} "
            f"{peer.get('ratio_to_keras_kd', float('nan')):10.2f} "
            f"{peer.get('share_of_matrix_product', float('nan')):6.0%} "
            f"{peer['peak_bytes'] / 1e9:8.2f}"
        )


def machine():
    """What the figures depend on."""
    try:
        info = Path("/proc/cpuinfo").read_text()
        model = next(line.split(":")[1] for line in info.splitlines() if "model name" in line)
    except (OSError, StopIteration):
        model = platform.processor()
    return {
        "cores": CORES,
        "threads": FLAGS.threads,
        "cpu": model.strip(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def main(argv):
    """Runs the cases and writes the results after each."""
    for flag, known in (("cases", CASES), ("peers", PEERS)):
        unknown = [name for name in getattr(FLAGS, flag) if name not in known]
        if argv[1:] or unknown:
            raise app.UsageError(
                f"--{flag} takes names out of {', '.join(known)}. "
                f"Received: {unknown or argv[1:]}. Separate them by commas."
            )
    out = Path(FLAGS.out or HERE / "results" / "step.json")
    results = {"machine": machine(), "rounds": FLAGS.rounds, "steps": FLAGS.steps, "cases": {}}
    for case in FLAGS.cases:
        print(f"{case}: {CASES[case]['title']}", flush=True)
        results["cases"][case] = run_case(case)
        table(results["cases"][case])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten to {out}")


if __name__ == "__main__":
    app.run(main)
