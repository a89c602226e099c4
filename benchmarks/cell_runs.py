"""What the cells of the studies do: one stage of a run, or a whole one, by the toolkit's own means.

Each function takes a config and a folder, and goes on where it was when it is called again.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_kd import teachers
from keras_kd.config.chain import last_stage, yardstick
from keras_kd.evaluation import agreement, expected_calibration_error, kl_divergence
from keras_kd.run import Experiment, run, targets, teach
from keras_kd.run.facts import predict, share
from keras_kd.utils.files import read_json


def train_teacher(config, folder):
    """Trains the config's teacher on labels and leaves `teacher.keras`.

    Args:
        config: ConfigDict of a run without a teacher's handle.
        folder: the cell's working directory.

    Returns:
        what the stage measured, see `keras_kd.training.stage.Stage.train`.
    """
    experiment = Experiment(config, folder)
    experiment.train_teachers(experiment.last)
    return experiment.workdir.result("teacher")


def train_on_labels(config, folder):
    """Trains the student's network on labels alone, as the stage `baseline` says.

    Returns:
        (the student, what the stage measured).
    """
    experiment = Experiment(config, folder)
    stage = yardstick(experiment.config)
    experiment.train(stage)
    return experiment.networks[stage.name], experiment.workdir.result(stage.name)


def compute_targets(config, folder):
    """Computes what the teacher says to every image of the distillation, for any number of runs.

    Args:
        config: ConfigDict of the longest run, with `fixed_targets` (modes `fix/*`) or
            `teacher_cache`, the folder to fill.
        folder: the cell's working directory.
    """
    stage = last_stage(config)
    if not targets.is_fixed(config, stage):
        teach.teach(config, folder, dtype="float32", progress=print)
        return
    experiment = Experiment(config, folder)
    teacher = experiment.teacher(experiment.last)
    compiled = experiment.compiled_teacher(experiment.last, teacher)
    targets.get_targets(experiment, experiment.last, teacher, compiled)


def distil(config, folder):
    """A whole run with a teacher that is there, the student alone in it.

    Returns:
        (the student, what the stage `distil` measured).
    """
    handle = config.teacher.handle
    if not Path(handle).exists():
        raise ValueError(
            f"The teacher {handle} is not there. Delete the result of its cell to train it again."
        )
    config.baseline.enabled = False
    report = run(config, folder, progress=print)
    return load_student(folder), report["stages"]["distil"]


def train_last(config, folder):
    """A whole run whose last stage is the one that counts, with a teacher or without.

    Returns:
        (the student, what the last stage measured).
    """
    report = run(config, folder, progress=print)
    return load_student(folder), report["stages"][last_stage(config).name]


def scores(config, folder, split, student, teacher=None):
    """How a finished student does on a split, each image once and nothing random.

    Args:
        config: the run's config.
        folder: the cell's working directory, which keeps the scan of the images.
        split: split expression.
        student: Keras model.
        teacher: Keras model, or None.

    Returns:
        dict of shares: `accuracy` and `calibration_error`; with a teacher also `agreement`, and
        `kl` in nats.
    """
    config = config.copy_and_resolve_references()
    config.data.eval_split = split
    experiment = Experiment(config, folder)
    held_out, labels = experiment.streams.held_out(), experiment.source.split(split).labels
    models = {"student": (student, "student")}
    if teacher is not None:
        models["teacher"] = (teacher, "teacher")
    logits = predict(held_out, models)
    found = {
        "accuracy": share(logits["student"], labels),
        "calibration_error": expected_calibration_error(labels, logits["student"]),
    }
    if teacher is not None:
        for name, measure in (("agreement", agreement), ("kl", kl_divergence)):
            found[name] = float(np.mean(measure(logits["teacher"], logits["student"])))
    return found


def least_agreement(folder):
    """Share of test images with the student's own class, by the worst of the other ways to resize.

    Args:
        folder: of a run that was exported.
    """
    _, *others = read_json(Path(folder) / "report.json")["resizing"]["kinds"]
    return min(kind["agreement"] for kind in others)


def load_student(folder):
    """The student that a run left in its working directory."""
    return keras.saving.load_model(Path(folder) / "student.keras", compile=False)


def load_teacher(config):
    """The frozen teacher that the config's handle names."""
    return teachers.load(config.teacher.handle)


def measured(result):
    """What is kept of a stage beside its scores."""
    return {key: result[key] for key in ("steps", "seconds", "images_per_second", "loss")}
