"""Configs: every key a run may set, lengths of time, and checks before anything is built.

An experiment is a file in `configs/` whose `get_config()` starts from `base()` and changes what
differs. Command-line overrides (`--config.distil.total="20 epochs"`) come on top.
"""

import math
import os
import re

import ml_collections

from keras_kd import handles
from keras_kd.names import nearest

UNITS = ("steps", "epochs", "examples", "percent")
# Sections whose keys are somebody else's arguments: a builder's, a method's or an optimizer's.
OPTIONS = tuple(f"{name}.optimizer_options" for name in ("teacher.train", "baseline", "distil"))
FREE = ("teacher.model.kwargs", "student.model.kwargs", "distil.methods", *OPTIONS)


def stage(**changes):
    """The settings of one training stage.

    Args:
        **changes: values that differ from the defaults.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    settings = ml_collections.ConfigDict(
        {
            "mode": "same/ic",  # what teacher and student see, see keras_kd.data
            "total": "10 epochs",  # length: "500 steps", "10 epochs", "50000 examples"
            "warmup": "5 percent",  # of the total, or in the other units
            "interval": "1 epochs",  # log, evaluate and checkpoint this often
            "optimizer": "adamw",
            # Further arguments of it, such as epsilon, see keras_kd.optimizers.
            "optimizer_options": ml_collections.ConfigDict(),
            "schedule": "cosine",  # or quadratic, staircase, see keras_kd.optimizers.schedules
            # Of a staircase: a tenth of the rate after each.
            "decay_at": ("30 percent", "60 percent", "90 percent"),
            "learning_rate": 3e-3,
            "weight_decay": 1e-4,  # share of a kernel taken away a step at the peak rate
            "clip": 1.0,  # global norm of the gradients; 0 for none
            "label_weight": 1.0,  # factor of the labels' cross-entropy
            "mixup_alpha": 1.0,  # where the mode mixes: Beta(alpha, alpha) of the coefficient
            "rc_scale": 8 / 7,  # resized short side over the side of a random crop
            "ema": 0.0,  # average of the weights: the share that a step keeps, as 0.999; 0 for none
            "prolong": "",  # how a run goes on whose total was raised: stretch, fresh; empty: not
        }
    )
    settings.lock().optimizer_options.unlock()
    settings.update(changes)
    return settings.unlock()


def base():
    """All keys of a run with their defaults.

    Returns:
        an `ml_collections.ConfigDict`, locked but for the free sections.
    """
    config = ml_collections.ConfigDict()
    config.name = "experiment"
    config.seed = 0
    config.batch_size = 128  # global: all replicas together
    config.steps_per_execution = 1
    config.precision = "float32"  # or mixed_bfloat16, mixed_float16
    config.xla = "auto"  # compile the student's step with XLA: auto, on or off
    config.deterministic = False  # fix what is otherwise chosen by timing: equal runs, equal bits
    config.teacher_cache = ""  # folder that keras-kd-teach filled; empty: the teacher runs live
    config.fixed_targets = ""  # folder of the targets of modes fix/*; empty: WORKDIR/targets
    config.checkpoint = ml_collections.ConfigDict(
        {
            "every": "",  # a length, such as "100 steps"; empty: once an interval
            "keep": 2,  # how many of the newest; the best is kept beside them
            "keep_at": (),  # lengths of the distillation whose checkpoints are kept for good
        }
    )
    config.data = ml_collections.ConfigDict(
        {
            "source": "digits",  # digits, tfds:NAME, folder:PATH, tfrecord:PATTERN, a TFDS folder
            "data_dir": "",  # where tfds keeps its data; empty: its default
            "train_split": "train",
            "eval_split": "test",
            "eval_source": "",  # data set of the teacher's classes, where source is of others
            "resolution": 32,  # side of the student's image, px
            "teacher_resolution": 0,  # side of the teacher's; 0: the student's
            "eval_batch_size": 250,
            "eval_scale": 8 / 7,  # resized short side over the central crop that is evaluated
            "eval_full_image": False,  # evaluate on the whole image; eval_scale says nothing then
            "flip": True,
            "crop_area": (0.05, 1.0),  # inception crop: share of the image
            "allow_bad": 0.01,  # share of unreadable files that is skipped without stopping
        }
    )
    config.teacher = ml_collections.ConfigDict(
        {
            # .keras file, SavedModel folder, bit: or hub handle; "a,b@224": see keras_kd.handles;
            # empty: train one
            "handle": "",
            "input_range": (),  # pixel values that a handle expects; empty: [-1, 1] or known
            "init": "",  # pretrained weights to train one from, see keras_kd.models.start_from
            "engine": "auto",  # how it runs, see keras_kd.teachers.freeze; auto: the fastest here
            # An empty name: the network that init brings.
            "model": {"name": "resnet", "kwargs": ml_collections.ConfigDict()},
            "train": stage(),
        }
    )
    config.student = ml_collections.ConfigDict(
        {
            "init": "",  # pretrained weights to start from, see keras_kd.models.start_from
            "model": {"name": "resnet", "kwargs": ml_collections.ConfigDict()},
        }
    )
    config.baseline = stage()
    config.baseline.enabled = True
    config.distil = stage(mode="mix", label_weight=0.0)
    config.distil.fix_crops = 1024  # mode fix/ic_ens: crops whose mean is an example's target
    config.distil.methods = ml_collections.ConfigDict({"soft_targets": {"temperature": 1.0}})
    config.export = ml_collections.ConfigDict(
        {
            "formats": ("saved_model", "float32", "float16", "dynamic", "int8"),
            "calibration_images": 200,
        }
    )
    config.lock()
    for settings in (config.teacher.train, config.baseline, config.distil):
        settings.optimizer_options.unlock()
    return config


def steps(length, *, batch_size, num_examples, total=None):
    """Turns a length of time into steps.

    Args:
        length: "500 steps", "60 epochs", "50000 examples", "5 percent" (or "5%") of `total`; a
            bare number counts steps.
        batch_size: examples a step.
        num_examples: examples an epoch.
        total: steps of the whole, for percentages.

    Returns:
        int, at least 0, rounded up.

    Raises:
        ValueError: not a length, or a percentage of nothing.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|[a-z]+)?\s*", str(length).lower())
    unit = {None: "steps", "%": "percent"}.get(match[2], match[2]) if match else None
    unit = next((known for known in UNITS if unit in (known, known.rstrip("s"))), None)
    if unit is None or (unit == "percent" and total is None):
        raise ValueError(
            f"A length is a number and one of {', '.join(UNITS if total else UNITS[:3])}. "
            f"Received: {length!r}. Write for example '500 steps' or '20 epochs'."
        )
    amount = float(match[1])
    per_unit = {
        "steps": 1.0,
        "epochs": num_examples / batch_size,
        "examples": 1.0 / batch_size,
        "percent": (total or 0) / 100.0,
    }
    return math.ceil(amount * per_unit[unit] - 1e-9)


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


def absolute(config):
    """A copy of a config whose paths no longer depend on where the command was started.

    Args:
        config: ConfigDict of a run.

    Returns:
        a ConfigDict; its file and folder names are absolute where they exist.
    """

    def full(path):
        return os.path.abspath(path) if path and os.path.exists(path) else path

    def located(source):
        scheme, colon, path = source.partition(":")
        if scheme == "folder":
            return f"folder:{full(path)}"
        if scheme == "tfrecord" and os.path.isdir(os.path.dirname(path) or "."):
            return f"tfrecord:{os.path.abspath(path)}"
        return full(source) if not colon and scheme != "digits" else source

    config = config.copy_and_resolve_references()
    config.data.source = located(config.data.source)
    config.data.eval_source = located(config.data.eval_source)
    config.data.data_dir = full(config.data.data_dir)
    config.teacher.handle = handles.absolute(config.teacher.handle)
    config.teacher.init = full(config.teacher.init)
    config.student.init = full(config.student.init)
    config.teacher_cache = full(config.teacher_cache)
    config.fixed_targets = full(config.fixed_targets)
    return config


def trained_stages(config):
    """The settings of the stages that a run will train, by their path in the config."""
    stages = {"distil": config.distil}
    if config.baseline.enabled:
        stages["baseline"] = config.baseline
    if not config.teacher.handle:
        stages["teacher.train"] = config.teacher.train
    return stages


def flat(settings, prefix=""):
    """Values of nested dicts by dotted key; an empty dict, as of arguments, is the same as none."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


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
    from keras_kd import domains, fixed_config, methods, models, stage_config
    from keras_kd.teachers import engines

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
        stage_config.check(name, settings, need)
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
    fixed_config.check(config, need)
    domains.check(config, need)
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
