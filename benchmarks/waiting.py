"""How long the step waits for its data, in the study's config: live teacher and stored targets.

    python benchmarks/waiting.py --data_dir=DATA --weights=efficientnet_lite0.npz [--steps=100]

The pair, data and settings of benchmarks/funmatch_study.py under `mix`, by what
`keras-kd-train --profile` measures. The teacher's head is random: that changes no time. Run it on
an idle machine. Writes benchmarks/results/waiting.json.
"""

import argparse
import os
import platform
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import funmatch_study
import keras

from keras_kd.models import efficientnet_lite
from keras_kd.run import Experiment, profiling, teach
from keras_kd.utils import processors
from keras_kd.utils.files import write_json

RESULTS = Path(__file__).parent / "results" / "waiting.json"
WARM_UP_AND_TRACE = 40  # steps of `profile` beside the timed ones, rounded up


def main():
    parser = argparse.ArgumentParser()
    funmatch_study.add_flags(parser)
    parser.add_argument("--steps", type=int, default=100, help="timed steps")
    parser.add_argument("--rounds", type=int, default=3, help="times that each way has its turn")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.thin = options.summary = False
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    found["machine"] = f"{platform.machine()}, {processors.usable()} cores"
    write_json(options.out, found)
    for name in ("live", "cached"):
        for one in found[name]:
            print(f"{name:7} {one['images_per_second']:.0f} images/s, waits {one['waiting']:.2%}")


def measure(options, folder):
    """Dict `live`, `cached` -> what `keras_kd.run.profiling.profile` found in each round."""
    task = funmatch_study.TASKS[options.dataset]
    epochs = -(-(options.steps + WARM_UP_AND_TRACE) * task.batch_size // task.train_images)
    facts = {"kind": "distil", "mode": "mix", "dataset": options.dataset, "epochs": epochs}
    config = funmatch_study.config_of(facts, options, folder / "cell")
    config.teacher.handle = str(folder / "teacher.keras")
    side = task.teacher_resolution
    classes = Experiment(config).source.num_classes
    teacher = efficientnet_lite(0, classes, (side, side, 3), weights=options.weights or None)
    head = teacher.layers[-1]
    head.kernel.assign(keras.random.normal(head.kernel.shape, stddev=0.01))
    teacher.save(config.teacher.handle)
    stored = config.teacher_cache = str(folder / "targets")
    teach.teach(config, folder / "teach", dtype="float32")
    found = {"live": [], "cached": []}
    for _ in range(options.rounds):
        for name, cache in (("live", ""), ("cached", stored)):
            config.teacher_cache = cache
            one = profiling.profile(config, folder / name, options.steps)
            found[name].append({key: value for key, value in one.items() if key != "trace"})
    return found


if __name__ == "__main__":
    main()
