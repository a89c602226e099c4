"""Refuses unknown keys, wrong types and impossible values of a config, before anything is built."""

import math

import ml_collections

from keras_kd.config.keys import FREE, base, trained_stages
from keras_kd.utils.lengths import steps
from keras_kd.utils.names import nearest


def check(config):
    """Refuses unknown keys, wrong types and impossible values, before anything is built.

    Args:
        config: ConfigDict of a run.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    known = base()
    _check_keys(config, known, "")
    _check_values(config)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_keys(config, known, path):
    for key in config:
        if key not in known:
            here = [path + name for name in known]
            everywhere = [name for name, _ in _leaves(base(), "")]
            raise ValueError(
                f"Unknown config key. Received: config.{path}{key}."
                f"{nearest(path + key, here) or nearest(path + key, everywhere)} "
                f"Keys there are: {', '.join(here)}."
            )
    for key, default in known.items():
        name = path + key
        if key not in config:
            raise ValueError(
                f"The config lacks config.{name}. Start from keras_kd.config.base(), which has "
                f"it with its default {default!r}."
            )
        value = config[key]
        if isinstance(default, ml_collections.ConfigDict):
            if not isinstance(value, ml_collections.ConfigDict):
                raise ValueError(f"config.{name} must be a section. Received: {name}={value!r}.")
            if name not in FREE:
                _check_keys(value, default, f"{name}.")
        elif not _same_type(value, default):
            raise ValueError(
                f"config.{name} must be of type {type(default).__name__}, like its default "
                f"{default!r}. Received: {name}={value!r} of type {type(value).__name__}."
            )


def _leaves(config, path):
    for key, value in config.items():
        if isinstance(value, ml_collections.ConfigDict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _same_type(value, default):
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, tuple):
        return isinstance(value, tuple | list)
    return isinstance(value, type(default))


def _check_values(config):
    # Imported here, so that a config file loads without waiting for TensorFlow.
    from keras_kd import methods, models
    from keras_kd.config import fixed, images, training, views
    from keras_kd.models import handles
    from keras_kd.teachers.frozen import engines

    def need(condition, key, what):
        if not condition:
            value = config
            for part in key.split("."):
                value = value[part]
            raise ValueError(f"config.{key} must be {what}. Received: {key}={value!r}.")

    need(config.batch_size >= 1, "batch_size", "at least 1")
    need(config.steps_per_execution >= 1, "steps_per_execution", "at least 1")
    precisions = ("float32", "mixed_bfloat16", "mixed_float16")
    need(config.precision in precisions, "precision", f"one of {', '.join(precisions)}")
    need(config.xla in ("auto", "on", "off"), "xla", "one of auto, on, off")
    need(config.checkpoint.keep >= 1, "checkpoint.keep", "at least 1")
    every, keep_at = config.checkpoint.every, config.checkpoint.keep_at
    for key, lengths in (("every", (every,) if every else ()), ("keep_at", keep_at)):
        for length in lengths:
            try:
                count = steps(length, batch_size=1, num_examples=1000, total=1000)
            except ValueError as error:
                raise ValueError(f"config.checkpoint.{key}: {error}") from error
            need(count > 0, f"checkpoint.{key}", "longer than nothing, or empty")
    need(0 <= config.seed < 2**31, "seed", "at least 0 and below 2**31")
    data = config.data
    need(data.resolution >= 4, "data.resolution", "at least 4 px")
    need(
        data.teacher_resolution == 0 or data.teacher_resolution >= 4,
        "data.teacher_resolution",
        "0 (the student's) or at least 4 px",
    )
    need(data.eval_batch_size >= 1, "data.eval_batch_size", "at least 1")
    need(1 <= data.eval_scale < math.inf, "data.eval_scale", "finite and at least 1")
    need(0.0 <= data.allow_bad <= 1.0, "data.allow_bad", "a share between 0 and 1")
    area = tuple(data.crop_area)
    need(
        len(area) == 2 and all(map(_is_number, area)) and 0.0 < area[0] <= area[1] <= 1.0,
        "data.crop_area",
        "a pair (smallest, largest) with 0 < smallest <= largest <= 1",
    )
    reach = config.teacher.input_range
    need(
        len(reach) == 0
        or (len(reach) == 2 and all(map(_is_number, reach)) and reach[0] < reach[1]),
        "teacher.input_range",
        "empty or a pair (lowest, highest)",
    )
    for key, refuse in (("engine", engines.check), ("handle", handles.absolute)):
        try:
            refuse(config.teacher[key])
        except ValueError as error:
            raise ValueError(f"config.teacher.{key}: {error}") from error
    need(config.export.calibration_images >= 1, "export.calibration_images", "at least 1")
    for name, settings in trained_stages(config).items():
        training.check(name, settings, need)
        views.views_of(config, settings, name)
        need(
            settings.label_weight > 0 or name == "distil",
            f"{name}.label_weight",
            "above 0: labels are all that this stage learns from",
        )
    need(len(config.distil.methods) > 0, "distil.methods", "one method at least")
    reached = config.distil.label_weight > 0 or bool(config.student.init)
    for name, kwargs in config.distil.methods.items():
        method = methods.get(name, **kwargs)
        reached = reached or method.reaches_classifier
        need(
            not (config.teacher_cache and method.teacher_taps),
            "teacher_cache",
            f"empty: the method '{name}' matches layers of the teacher, and a cache holds its "
            "logits only",
        )
    fixed.check(config, need)
    images.check(config, need)
    need(
        not (config.teacher.handle and config.teacher.init),
        "teacher.init",
        "empty where config.teacher.handle names a teacher that has learned already",
    )
    need(
        reached,
        "distil.label_weight",
        "above 0, or there must be a method that matches the last logits: features and other heads "
        "alone never train the student's classifier",
    )
    used = ["student"] if config.teacher.handle else ["student", "teacher"]
    for role in used:
        model, init = config[role].model, config[role].init
        if model.name or not init:
            models.check(model.name, model.kwargs)
        else:
            need(
                not model.kwargs,
                f"{role}.model.kwargs",
                f"empty where config.{role}.model.name is: the network is the one of "
                f"config.{role}.init",
            )
