"""Steps to the same distillation loss: Shampoo beside AdamW, each at its best rate.

    python benchmarks/shampoo.py [--steps=400] [--seeds=5] && python benchmarks/shampoo.py --summary

Task: the digits demo's kind of pair, function matching at 8 px. A teacher is trained once; then all
runs of a seed see the same batches, teacher logits and first weights. The loss is read every ten
steps on mixed-up batches that are never trained on. At constant rates it jumps, so that it counts
as the median of the last five readings. Rates are tuned on another seed, by the loss at the end;
they are constant after ten steps of warm-up, so that no schedule's length decides.
The goal is the median of AdamW's losses at the end. Writes benchmarks/results/shampoo.json, of
which `--summary` makes the table of docs/results.md.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import summary
import tensorflow as tf

from keras_kd.data import build_dataset
from keras_kd.models import resnet
from keras_kd.optimizers import AdamW, Shampoo, WarmupCosine
from keras_kd.utils import processors

RESULTS = Path(__file__).parent / "results" / "shampoo.json"
RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
OPTIMIZERS = {"adamw": AdamW, "shampoo": Shampoo}
BATCH, EVERY, HELD_OUT, WARMUP, DECAY, CLIP, TEMPERATURE = 128, 10, 8, 10, 1e-5, 1.0, 2.0
TUNING_SEED = 100
READINGS = 5


def batches(seed, mode, steps):
    data = build_dataset(
        "digits", "train", mode, BATCH, 8, seed=seed, flip=False, crop_area=(0.6, 1.0)
    )
    return [(x, y) for x, y in itertools.islice(data, steps)]


def optimizer(name, rate):
    # So long that the cosine has not left the peak: a constant rate after the warm-up.
    schedule = WarmupCosine(rate, total_steps=10**6, warmup_steps=WARMUP)
    return OPTIMIZERS[name](schedule, weight_decay=DECAY, global_clipnorm=CLIP)


def trained_teacher():
    keras.utils.set_random_seed(0)
    teacher = resnet(14, 1.0, 10, (8, 8, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher.compile(optimizer("adamw", 0.003), loss, metrics=["accuracy"])
    data = build_dataset("digits", "train", "same/ic", BATCH, 8, flip=False, crop_area=(0.6, 1.0))
    logs = teacher.fit(data, steps_per_epoch=400, verbose=0)
    return teacher, logs.history["accuracy"][-1]


def divergence(teacher_logits, student_logits):
    """T^2 KL(teacher || student), mean over the batch."""
    teacher = tf.nn.log_softmax(teacher_logits / TEMPERATURE)
    student = tf.nn.log_softmax(student_logits / TEMPERATURE)
    kl = tf.reduce_sum(tf.exp(teacher) * (teacher - student), -1)
    return TEMPERATURE**2 * tf.reduce_mean(kl)


class Task:
    """The batches of one seed with the teacher's logits."""

    def __init__(self, teacher, seed, steps):
        self.seed = seed
        images = [x for x, _ in batches(seed, "mix", steps + HELD_OUT)]
        pairs = [(x, teacher(x, training=False)) for x in images]
        self.train = pairs[:steps]
        self.test = [tf.concat(parts, 0) for parts in zip(*pairs[steps:])]

    def run(self, name, rate):
        """[`smoothed` loss on the held-out batches every `EVERY` steps], seconds a step.

        The seconds are the median over tens of steps: Shampoo computes its roots once in each.
        """
        keras.utils.set_random_seed(self.seed)
        student = resnet(8, 1.0, 10, (8, 8, 1))
        chosen = optimizer(name, rate)
        chosen.build(student.trainable_variables)

        @tf.function
        def step(x, logits):
            with tf.GradientTape() as tape:
                loss = divergence(logits, student(x, training=True))
            weights = student.trainable_variables
            chosen.apply(tape.gradient(loss, [w.value for w in weights]), weights)

        losses, seconds = [], []
        for index, (x, logits) in enumerate(self.train, 1):
            start = time.perf_counter()
            step(x, logits)
            seconds.append(time.perf_counter() - start)
            if index % EVERY == 0:
                loss = divergence(self.test[1], student(self.test[0], training=False))
                losses.append(float(loss))
        losses = smoothed(losses)
        print(f"{name:8} {rate:<6} seed {self.seed:<4} loss {losses[-1]:.4f}", flush=True)
        return losses, median_of_tens(seconds[WARMUP:])


def median_of_tens(seconds):
    """The median over whole tens of the mean in each; a single step would hide rare, dear ones."""
    tens = [seconds[i : i + 10] for i in range(0, len(seconds) - 9, 10)]
    return statistics.median(map(statistics.fmean, tens))


def smoothed(losses):
    """The median of each loss and the `READINGS` - 1 before it, of fewer at the start."""
    return [statistics.median(losses[max(0, i - READINGS) : i]) for i in range(1, len(losses) + 1)]


def steps_to(goal, losses):
    """The first step whose loss is at the goal; None where none is."""
    return next((EVERY * i for i, loss in enumerate(losses, 1) if loss <= goal), None)


def at_edge(rate, losses):
    """Whether a rate stands at an end of the grid, beyond which a better one may lie."""
    return rate in (min(losses), max(losses))


def results_table(found):
    """The table of docs/results.md, and a sentence for each rate at an end of the grid."""
    rows, notes = [], []
    for name in OPTIMIZERS:
        one, edge = found[name], found[name]["rate_at_edge_of_grid"]
        reached = [str(at or summary.NOTHING) for at in one["steps_to_goal"]]
        losses = [f"{loss:.4f}" for loss in one["final_loss"]]
        rate = f"{one['rate']:g}{' (edge)' if edge else ''}"
        rows.append([name, rate, *map(", ".join, (reached, losses)), one["milliseconds_a_step"]])
        if edge:
            grid = ", ".join(found["tuning_loss"][name])
            notes.append(
                f"The best rate of {name} stands at the edge of the grid ({grid}): another may be "
                "better."
            )
    header = ["optimizer", "rate", "steps to the goal, a seed each", "loss at the end", "ms a step"]
    goal = f"The goal is a loss of {found['goal']:.4f} on held-out batches."
    return "\n\n".join([summary.table(header, rows), " ".join([goal, *notes])])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=400, help=f"at least {WARMUP + EVERY}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--summary", action="store_true", help="only the table of docs/results.md")
    options = parser.parse_args()
    if options.summary:
        text = results_table(json.loads(options.out.read_text(encoding="utf-8")))
        summary.put_between(summary.DOCS / "results.md", "shampoo", text)
    else:
        # Rates are keys of the table, and so strings, in the file.
        result = json.dumps(measure(options), indent=2)
        options.out.write_text(result + "\n", encoding="utf-8")
        text = results_table(json.loads(result))
    print(text)


def measure(options):
    """Tunes both optimizers, then trains all seeds; what shampoo.json holds."""
    teacher, accuracy = trained_teacher()
    tuning = Task(teacher, TUNING_SEED, options.steps)
    grid = {name: {rate: tuning.run(name, rate)[0][-1] for rate in RATES} for name in OPTIMIZERS}
    best = {name: min(losses, key=losses.get) for name, losses in grid.items()}
    runs = {name: [] for name in OPTIMIZERS}
    for seed in range(options.seeds):
        task = Task(teacher, seed, options.steps)
        for name in OPTIMIZERS:
            runs[name].append(task.run(name, best[name]))
    goal = float(np.median([losses[-1] for losses, _ in runs["adamw"]]))
    return {
        "command": f"python benchmarks/shampoo.py --steps={options.steps} --seeds={options.seeds}",
        "machine": f"{platform.machine()}, {processors.usable()} cores",
        "teacher_train_accuracy": round(accuracy, 4),
        "tuning_loss": grid,
        "goal": round(goal, 5),
        **{
            name: {
                "rate": best[name],
                "rate_at_edge_of_grid": at_edge(best[name], grid[name]),
                "steps_to_goal": [steps_to(goal, losses) for losses, _ in made],
                "final_loss": [round(losses[-1], 5) for losses, _ in made],
                "milliseconds_a_step": round(1e3 * statistics.median(t for _, t in made), 1),
            }
            for name, made in runs.items()
        },
    }


if __name__ == "__main__":
    main()
