"""Configs with one value changed, mistakes too, and a chain of stages to make mistakes in."""

from keras_kd.config import base, network, stage

TAPS = {"student_taps": ["stage2"], "teacher_taps": ["stage2"]}
SOFT = {"soft_targets": {}}


def changed(key, value):
    config = base().unlock()
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    with config.ignore_type():
        section[last] = value
    return config


def chained():
    """Teacher, assistant, student, and one more generation."""
    config = base()
    config.assistant = network("resnet", depth=8)
    config.assistant.train = stage(teachers=("teacher",), methods=SOFT)
    config.again = stage(teachers=("distil",), methods=SOFT)
    config.distil.teachers = ("assistant",)
    config.stages = ("teacher", "assistant", "baseline", "distil", "again")
    return config
