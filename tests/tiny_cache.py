"""A teacher cache of three classes, whose logits say which step, row and class they are of."""

import os

import numpy as np

from keras_kd.teachers.cache import writer as cache_writer
from keras_kd.teachers.cache.store import Layout, TeacherCache

LAYOUT = Layout(batch_size=4, num_classes=3, dtype="float32", steps_per_shard=2)


FINGERPRINT = {"seed": 0, "views.crop_area": (0.5, 1.0), "teacher.weights": "abc"}


def logits_of(step):
    """Another number for each step, row and class."""
    return (step * 100 + np.arange(12, dtype="float32")).reshape(4, 3)


def shard_logits(shard):
    return np.stack([logits_of(step) for step in range(2 * shard, 2 * shard + 2)])


def make(path, shards=()):
    cache = TeacherCache.create(path, FINGERPRINT, LAYOUT)
    for shard in shards:
        cache.write(shard, shard_logits(shard))
    return cache


def fail(code):
    def failing(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return failing


def stream(start):
    """Images that hold their own step."""
    step = start
    while True:
        yield np.full((4, 1), step)
        step += 1


def teach(images):
    return logits_of(images[0, 0])


def fill(cache, shards, **options):
    return cache_writer.fill(cache, shards, stream, teach, **options)
