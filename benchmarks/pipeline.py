"""Images per second of the input pipeline against the bare decoding loop.

python benchmarks/pipeline.py [--source=tfds:NAME --data_dir=DIR] [--resolution=96]

The bare loop is `tf.image.decode_and_crop_jpeg` and `tf.image.resize` of the same bytes and the
same boxes, batched and prefetched; the pipeline reads the bytes, draws boxes and flips, decodes,
flips, scales to [-1, 1] and, under `mix`, mixes. Then the crops and flips of `same/ic` with one op
more each, which tells what that op costs. Each number of cores has a process of its own,
that is bound to them before TensorFlow starts. Variants take turns in rounds; the ratio is the
median of the rounds' own ratios. `cpu` is the same by processor time, for a machine that is not
idle. Without a source, a folder of synthetic photographs is made.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import app, flags

SOURCE = flags.DEFINE_string("source", "", "Source of JPEG images; made where empty.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of prepared TFDS data sets.")
SPLIT = flags.DEFINE_string("split", "train", "Split of the source.")
RESOLUTION = flags.DEFINE_integer("resolution", 96, "Side of the crops in pixels.")
BATCH = flags.DEFINE_integer("batch_size", 64, "Images a batch.")
ROUNDS = flags.DEFINE_integer("rounds", 11, "Times that each variant has its turn.")
BATCHES = flags.DEFINE_integer("batches", 20, "Batches a turn.")
CORES = flags.DEFINE_list("cores", ["1", "2"], "Numbers of cores.")
OUTPUT = flags.DEFINE_string(
    "output", str(Path(__file__).parent / "results" / "pipeline.json"), "Result file."
)
MEASURE = flags.DEFINE_integer("measure", 0, "Internal: measure on this many cores.")
MODES = ("mix", "same/ic", "ind/ic")
# What teacher and student see in the first steps of `same/ic`, to which an op is added.
CROPS = "inception_crop(0.05,1)|flip"
OPS = (
    "randaugment(2,7)",
    "randaugment_timm(2,7,0.5)",
    "color_jitter(0.4,0.4,0.4,0)",
    "color_jitter(0.4,0.4,0.4,0.1)",
    "random_erasing(0.25)",
    "grayscale(0.2)",
    "jpeg_quality(30,95)",
    "gray",
    "edges(4)",
    "blur(1)",
    "lowres(8)",
)
MIXERS = ("cutmix(1)", "mixup(0.8)|cutmix(1)")
VIEWS = {
    **{mode: mode for mode in MODES},
    **{op: {"student": f"{CROPS}|{op}"} for op in OPS},
    **{mix: {"student": CROPS, "mix": mix} for mix in MIXERS},
}


def main(_):
    """Measures in one process for each number of cores and writes the result file."""
    if MEASURE.value:
        print(json.dumps(measure(MEASURE.value)))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = SOURCE.value or f"folder:{make_photographs(folder, 512)}"
        result = {
            "source": SOURCE.value or "synthetic, 160 px",
            "resolution": RESOLUTION.value,
            "batch_size": BATCH.value,
            "rounds": ROUNDS.value,
            "cores": {},
        }
        for cores in CORES.value:
            command = [sys.executable, *sys.argv, f"--source={source}", f"--measure={cores}"]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
            result["cores"][cores] = json.loads(done.stdout.splitlines()[-1])
    for cores, variants in result["cores"].items():
        for name, found in variants.items():
            print(
                f"{cores} core(s)  {name:30} {found['images_per_second']:7,.0f} images/s "
                f"({found['slowest']:,.0f}-{found['fastest']:,.0f})  "
                f"{found['ratio']:.2f} of bare, {found['cpu_ratio']:.2f} by processor time"
            )
    Path(OUTPUT.value).parent.mkdir(parents=True, exist_ok=True)
    Path(OUTPUT.value).write_text(json.dumps(result, indent=2) + "\n")


def make_photographs(folder, count, side=160):
    """A `folder:` source of JPEGs with the spectrum of photographs: amplitude falls as 1 / f."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None]
    falls = 1 / np.maximum(np.hypot(fy, fx), 1 / side)
    for index in range(count):
        noise = np.fft.fft2(rng.normal(size=(3, side, side))) * falls
        image = np.fft.ifft2(noise).real
        image = 128 + 50 * (image - image.mean()) / image.std()
        path = Path(folder) / "train" / str(index % 8) / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = image.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(image).save(path, quality=90)
    return folder


def measure(cores):
    """Every variant's rates on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    from keras_kd.data import build_dataset, load_source

    source = load_source(SOURCE.value, data_dir=DATA_DIR.value)
    examples = source.split(SPLIT.value)
    if not examples.is_jpeg.all():
        raise ValueError(f"JPEG images were expected. Received: source={SOURCE.value}, with others")
    variants = {"bare": bare(examples)}
    for name, views in VIEWS.items():
        variants[name] = build_dataset(source, SPLIT.value, views, BATCH.value, RESOLUTION.value)
    rates = {name: [] for name in variants}
    for _ in range(ROUNDS.value):
        for name, data in variants.items():
            rates[name].append(turn(data))
    result = {}
    for name, rounds in rates.items():
        wall = [rate for rate, _ in rounds]
        # A view of its own for the teacher is a second crop: two images an example.
        images = len(tf.nest.flatten(variants[name].element_spec[0])) if name in VIEWS else 1
        ratios = [
            [images * own[i] / other[i] for own, other in zip(rounds, rates["bare"])]
            for i in (0, 1)
        ]
        result[name] = {
            "images_per_second": round(images * statistics.median(wall), 1),
            "slowest": round(images * min(wall), 1),
            "fastest": round(images * max(wall), 1),
            "ratio": round(statistics.median(ratios[0]), 3),
            "cpu_ratio": round(statistics.median(ratios[1]), 3),
        }
    return result


def bare(examples):
    """The same bytes and boxes as the first steps of `mix`, decoded and resized, nothing else."""
    import tensorflow as tf

    from keras_kd.data import Views
    from keras_kd.data.random_streams import epoch_positions

    bytes_, boxes = [], []
    for step in range(BATCHES.value + 2):
        ranks = step * BATCH.value + tf.range(BATCH.value, dtype=tf.int64)
        positions = epoch_positions(ranks, examples.num_examples, 0)
        sizes = tf.gather(examples.sizes, positions)
        drawn = Views.of_mode("mix").draw(sizes, 0, tf.constant(step, tf.int64))
        bytes_.append(examples.fetch(positions))
        boxes.append(drawn["student"]["pixels"][0])

    def decode(encoded, box):
        image = tf.image.decode_and_crop_jpeg(encoded, box, channels=3)
        return tf.image.resize(image, (RESOLUTION.value, RESOLUTION.value))

    data = tf.data.Dataset.from_tensor_slices((tf.concat(bytes_, 0), tf.concat(boxes, 0)))
    data = data.repeat().map(decode, tf.data.AUTOTUNE)
    return data.batch(BATCH.value, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def turn(data):
    """Images per second, and per second of processor time, from step 2 of a new iterator on."""
    batches = iter(data)
    for _ in range(2):
        next(batches)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(BATCHES.value):
        next(batches)
    count = BATCHES.value * BATCH.value
    return count / (time.perf_counter() - wall), count / (time.process_time() - cpu)


if __name__ == "__main__":
    app.run(main)
