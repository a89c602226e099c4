"""The digits demo over five seeds: students of the live teacher and of stored targets.

    python benchmarks/cached.py [--seeds=5] [--busy] && python benchmarks/cached.py --summary

Each seed has its own teacher, and one student for each way of teaching, by the commands that a user
types: live, targets in float16, and the three largest classes. Accuracies are of the last step on
the 500 test images, rates those of the training steps, medians over the seeds that had the machine
to themselves: `--busy` says that these have not. Each seed is kept when it is done, in
benchmarks/results/cached.json, and not run again; `--summary` makes the table of docs/results.md.
"""

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import summary

from keras_kd.utils import processors
from keras_kd.utils.files import write_json

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results" / "cached.json"
LIVE = "live teacher"
STORED = {"float16 targets": (), "the three largest classes": ("--top_k=3",)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--busy", action="store_true", help="keep accuracies and no rates")
    parser.add_argument("--epochs", type=int, default=0, help="of each stage; default: the demo's")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--summary", action="store_true", help="only the table of docs/results.md")
    options = parser.parse_args()
    runs = {}
    if options.out.exists():
        runs = json.loads(options.out.read_text(encoding="utf-8"))["runs"]
    if not options.summary:
        for seed in range(options.seeds):
            if str(seed) not in runs:
                runs[str(seed)] = measure(seed, options.epochs, options.busy)
                write_json(options.out, {"machine": machine(), "runs": runs})
    text = results_table(list(runs.values()))
    if options.summary:
        summary.put_between(summary.DOCS / "results.md", "cached", text)
    print(text)


def machine():
    return f"{platform.machine()}, {processors.usable()} cores"


def measure(seed, epochs=0, busy=False):
    """Dict way of teaching -> what its student and its targets are, for one seed."""
    settings = [f"--config.seed={seed}", "--config.baseline.enabled=False"]
    settings.append("--config.export.formats=()")
    if epochs:
        settings += [f"--config.{s}.total={epochs} epochs" for s in ("teacher.train", "distil")]
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder) / "live"
        found = {LIVE: train(live, settings)}
        for number, (name, layout) in enumerate(STORED.items()):
            cache = Path(folder) / f"cache{number}"
            said = command("teach", f"--workdir={live}", f"--cache={cache}", *layout, *settings)
            taught = [f"--config.teacher.handle={live / 'teacher.keras'}"]
            taught.append(f"--config.teacher_cache={cache}")
            found[name] = train(Path(folder) / f"student{number}", [*settings, *taught])
            found[name]["bytes_per_image"] = int(re.search(r"(\d+) bytes per image", said)[1])
    for name, one in found.items():
        if busy:
            del one["images_per_second"]
        print(f"seed {seed}, {name}: {one}", flush=True)
    return found


def train(workdir, settings):
    """A run's student: accuracy, images a second."""
    command("train", f"--workdir={workdir}", *settings)
    report = json.loads((workdir / "report.json").read_text(encoding="utf-8"))
    measured = report["stages"]["distil"]
    return {
        "accuracy": round(measured["accuracy"], 4),
        "images_per_second": round(measured["images_per_second"]),
    }


def command(name, *arguments):
    """Runs one of the toolkit's commands on the demo's config and returns what it prints."""
    line = [Path(sys.executable).parent / f"keras-kd-{name}", "--config=configs/digits.py"]
    line += arguments
    return subprocess.check_output(line, cwd=REPOSITORY, text=True)


def results_table(runs):
    """The table of docs/results.md."""
    rows = []
    accuracy = {
        name: {seed: run[name]["accuracy"] for seed, run in enumerate(runs)} for name in runs[0]
    }
    for name in runs[0]:
        rates = [r[name]["images_per_second"] for r in runs if "images_per_second" in r[name]]
        gain = None if name == LIVE else summary.paired(accuracy[name], accuracy[LIVE])
        rows.append(
            [
                name,
                summary.points(summary.interval(list(accuracy[name].values()))),
                summary.points(gain, sign=True),
                f"{statistics.median(rates):,.0f}",
                runs[0][name].get("bytes_per_image", summary.NOTHING),
            ]
        )
    header = ["targets", "accuracy, %", "less live", "images/s", "bytes an image and epoch"]
    return summary.table(header, rows)


if __name__ == "__main__":
    main()
