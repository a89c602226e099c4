"""Ten times the images: peak memory, images per second, and the time to the first batch.

python benchmarks/memory.py

Makes a folder and a TFRecord set of small JPEGs, each in two sizes, and streams the same number of
batches from each in a process of its own, after the scan of the files has been kept in an index.
Peak memory is the process's highest resident set, taken after the last batch. The two sizes take
turns in rounds; what is compared is the median of the rounds' own ratios. `cpu` is the rate by
processor time, for a machine that is not idle. The time to the first batch is taken at step 0 and
at step 100,000.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import app, flags

SMALL = flags.DEFINE_integer("images", 2000, "Images of the small set; the large has ten times.")
BATCHES = flags.DEFINE_integer("batches", 600, "Batches of 64 that are streamed.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Times that each set has its turn.")
OUTPUT = flags.DEFINE_string(
    "output", str(Path(__file__).parent / "results" / "memory.json"), "Result file."
)
_KINDS = ["folder", "tfrecord"]
KINDS = flags.DEFINE_multi_enum("kinds", _KINDS, _KINDS, "What is measured; give another --output.")
MEASURE = flags.DEFINE_string("measure", "", "Internal: the source to measure.")
START = flags.DEFINE_integer("start", 0, "Internal: the step to start at.")
INDEX = flags.DEFINE_string("index", "", "Internal: folder of the scans.")
_BATCH, _SIDE, _CLASSES, _SHARDS = 64, 64, 10, 4


def main(_):
    """Measures each source at both sizes and writes the result file."""
    if MEASURE.value:
        print(json.dumps(measure()))
        return
    result = {"images": [SMALL.value, 10 * SMALL.value], "batch_size": _BATCH, "sources": {}}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS.value:
            make = {"folder": make_folder, "tfrecord": make_records}[kind]
            names = [make(Path(folder) / f"{kind}{n}", n) for n in result["images"]]
            for name in names:
                run(name, folder)  # Scans, keeps the index, and fills the disk's cache.
            rounds = []
            for index in range(ROUNDS.value):  # each size goes first in half of them
                order = names[::-1] if index % 2 else names
                found = {name: [run(name, folder, at) for at in (0, 100_000)] for name in order}
                rounds.append([found[name] for name in names])
            result["sources"][kind] = summary(rounds)
    for kind, found in result["sources"].items():
        print(f"{kind:9}" + ", ".join(f"{key} {value}" for key, value in found.items()))
    Path(OUTPUT.value).parent.mkdir(parents=True, exist_ok=True)
    Path(OUTPUT.value).write_text(json.dumps(result, indent=2) + "\n")


def summary(rounds):
    """Medians over the rounds: [small, large], and large over small."""

    def median(key, start=0):
        return [statistics.median(r[size][start][key] for r in rounds) for size in (0, 1)]

    def ratio(key):
        return round(statistics.median(large[0][key] / small[0][key] for small, large in rounds), 3)

    return {
        "peak_megabytes": [round(value, 1) for value in median("peak_megabytes")],
        "peak_ratio": ratio("peak_megabytes"),
        "images_per_second": [round(value) for value in median("images_per_second")],
        "rate_ratio": ratio("images_per_second"),
        "cpu_ratio": ratio("images_per_processor_second"),
        "first_batch_seconds": [round(value, 3) for value in median("first_batch_seconds")],
        "first_batch_seconds_at_step_100000": [
            round(value, 3) for value in median("first_batch_seconds", 1)
        ],
    }


def run(source, index, start=0):
    """Measures a source in a process of its own."""
    command = [sys.executable, *sys.argv, f"--measure={source}", f"--index={index}/index"]
    command += [f"--start={start}", *(["--batches=1"] if start else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure():
    """Streams batches of `mix` from the source."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from keras_kd.data import build_dataset, load_source

    source = load_source(MEASURE.value, index_dir=INDEX.value)
    source.split("train")
    begin = time.perf_counter()
    data = build_dataset(source, "train", "mix", _BATCH, 48, start_step=START.value)
    batches = iter(data)
    next(batches)
    first = time.perf_counter() - begin
    begin, processor = time.perf_counter(), time.process_time()
    for _ in range(BATCHES.value):
        next(batches)
    images = BATCHES.value * _BATCH
    return {
        "first_batch_seconds": first,
        "images_per_second": images / (time.perf_counter() - begin),
        "images_per_processor_second": images / (time.process_time() - processor),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def jpegs():
    """A few encoded images; what they show does not matter here."""
    import io

    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for _ in range(_CLASSES):
        coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((_SIDE, _SIDE)).save(buffer, "JPEG", quality=90)
        yield buffer.getvalue()


def make_folder(path, count):
    """A `folder:` source of `count` files."""
    encoded = list(jpegs())
    for label in range(_CLASSES):
        (path / "train" / str(label)).mkdir(parents=True)
    for index in range(count):
        label = index % _CLASSES
        (path / "train" / str(label) / f"{index}.jpg").write_bytes(encoded[label])
    return f"folder:{path}"


def make_records(path, count):
    """A `tfrecord:` source of `count` records in a few files."""
    import tensorflow as tf

    path.mkdir()
    encoded = list(jpegs())
    for shard in range(_SHARDS):
        with tf.io.TFRecordWriter(str(path / f"train-{shard:05}-of-{_SHARDS:05}")) as writer:
            for index in range(shard, count, _SHARDS):
                label = index % _CLASSES
                feature = {
                    "image/encoded": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[encoded[label]])
                    ),
                    "image/class/label": tf.train.Feature(
                        int64_list=tf.train.Int64List(value=[label])
                    ),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())
    (path / "labels.txt").write_text("".join(f"{label}\n" for label in range(_CLASSES)))
    return f"tfrecord:{path}/train-*"


if __name__ == "__main__":
    app.run(main)
