"""What a step of a method costs, against plain distillation of the same networks."""

import os
import statistics
import time
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from keras_kd import KDModel, teachers
from keras_kd.config.chain import stages_of
from keras_kd.evaluation.accuracy import accuracy
from keras_kd.run import networks
from keras_kd.training.lengths import Lengths, make_optimizer

NUM_EXAMPLES, FIRST_ID = 5000, 10_000  # as the configs say, for the memory bank of CRD


def compare(config, plain, rounds, steps):
    """Seconds a step of one config's distillation over those of another, in interleaved rounds.

    Data are left out: both sides step on one batch that is there. Weights are random.

    Args:
        config: ConfigDict of configs/methods.
        plain: the same of the yardstick.
        rounds: number of rounds, at least 2.
        steps: steps of each side a round.

    Returns:
        dict: `ratio` (median of the rounds'), `quartiles` of the ratios, and the median
        `seconds` and `plain_seconds` a step.
    """
    sides = [_stepper(config), _stepper(plain)]
    for step in sides:
        step(3)  # traces, and fills what is filled once
    taken = []
    for index in range(rounds):
        order = sides if index % 2 else sides[::-1]
        seconds = {id(step): step(steps) for step in order}
        taken.append([seconds[id(step)] for step in sides])
    ratios = [ours / theirs for ours, theirs in taken]
    return {
        "ratio": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios, n=4, method="inclusive")[::2],
        "seconds": statistics.median(ours for ours, _ in taken),
        "plain_seconds": statistics.median(theirs for _, theirs in taken),
    }


def _stepper(config):
    """A compiled distillation on random images: function of a number of steps -> seconds each."""
    side, count, stages = config.data.resolution, config.batch_size, stages_of(config)
    rng = np.random.default_rng(0)
    task, lengths = types.SimpleNamespace(num_classes=10, channels=3), Lengths(NUM_EXAMPLES, count)
    teacher = networks.build(config, stages[0].network, task)
    teacher.trainable = False
    student, chosen = networks.build_learner(config, stages[-1], task, lengths, teacher)
    taps = [tap for method in chosen for tap in method.teacher_taps]
    teacher = teachers.freeze(teacher, (side, side, 3), taps, batch_size=count, deterministic=True)
    kd = KDModel(student, teacher, chosen, stages[-1].settings.label_weight)
    kd.compile(make_optimizer(stages[-1].settings, lengths), metrics=[accuracy()])
    x = {"image": rng.uniform(-1, 1, (count, side, side, 3)).astype("float32")}
    if any(method.needs_id for method in chosen):
        x["id"] = FIRST_ID + rng.choice(NUM_EXAMPLES, count, replace=False)
    x = {key: tf.constant(value) for key, value in x.items()}
    y = tf.constant(rng.integers(10, size=count), tf.int32)

    def step(number):
        began = time.perf_counter()
        for _ in range(number):
            kd.train_on_batch(x, y)  # returns numbers, and so when the step is done
        return (time.perf_counter() - began) / number

    return step
