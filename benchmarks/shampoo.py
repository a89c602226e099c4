"""Steps to the same distillation loss: Shampoo beside AdamW, each at its best rate.

    python benchmarks/shampoo.py [--steps=400] [--seeds=3]

Task: the digits demo's kind of pair, function matching at 8 px. A teacher is trained once; then all
runs of a seed see the same batches, teacher logits and first weights. The loss is read every ten
steps on mixed-up batches that are never trained on. Rates are tuned on another seed, by the loss
at the end; rates are constant after ten steps of warm-up, so that no schedule's length decides.
The goal is the median of AdamW's losses at the end. Writes benchmarks/results/shampoo.json.
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
import tensorflow as tf

from keras_kd.data import build_dataset
from keras_kd.models import resnet
from keras_kd.optimizers import AdamW, Shampoo, WarmupCosine

RESULTS = Path(__file__).parent / "results" / "shampoo.json"
RATES = (0.03, 0.01, 0.003, 0.001, 0.0003)
OPTIMIZERS = {"adamw": AdamW, "shampoo": Shampoo}
BATCH, EVERY, HELD_OUT, WARMUP, DECAY, CLIP, TEMPERATURE = 128, 10, 8, 10, 1e-5, 1.0, 2.0
TUNING_SEED = 100


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
        """[loss on the held-out batches every `EVERY` steps], median seconds a step."""
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
        print(f"{name:8} {rate:<6} seed {self.seed:<4} loss {losses[-1]:.4f}", flush=True)
        return losses, statistics.fmean(seconds[WARMUP:])


def steps_to(goal, losses):
    """The first step whose loss is at the goal; None where none is."""
    return next((EVERY * i for i, loss in enumerate(losses, 1) if loss <= goal), None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
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
    result = {
        "command": f"python benchmarks/shampoo.py --steps={options.steps} --seeds={options.seeds}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "teacher_train_accuracy": round(accuracy, 4),
        "tuning_loss": grid,
        "goal": round(goal, 5),
        **{
            name: {
                "rate": best[name],
                "steps_to_goal": [steps_to(goal, losses) for losses, _ in made],
                "final_loss": [round(losses[-1], 5) for losses, _ in made],
                "milliseconds_a_step": round(1e3 * statistics.median(t for _, t in made), 1),
            }
            for name, made in runs.items()
        },
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
