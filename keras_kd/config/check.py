"""Refuses unknown keys, wrong types and impossible values of a config, before anything is built."""

import ml_collections

from keras_kd.config import rules
from keras_kd.config.keys import FREE, base, defaults_of
from keras_kd.utils.names import nearest


def check(config):
    """Refuses unknown keys, wrong types and impossible values, before anything is built.

    Args:
        config: ConfigDict of a run.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    known = {**base(), **{key: defaults_of(key, section) for key, section in config.items()}}
    _check_keys(config, {key: value for key, value in known.items() if value is not None}, "")
    rules.follow(rules.RUN, config)
    every, keep_at = config.checkpoint.every, config.checkpoint.keep_at
    for key, lengths in (("every", (every,) if every else ()), ("keep_at", keep_at)):
        for length in lengths:
            rules.require_length(length, config, f"checkpoint.{key}")
    # Imported here, so that a config file loads without waiting for TensorFlow.
    from keras_kd.config import (
        classes,
        combining,
        fixed,
        images,
        made_images,
        networks,
        order,
        training,
        views,
    )
    from keras_kd.config.chain import stages_of

    order.check(config)
    networks.check(config)
    stages = stages_of(config)
    for stage in stages:
        images.check(config, stage)
        classes.check(config, stage)
    for stage in stages:
        training.check(config, stage)
        views.seen_in(config, stage)
        if stage.teachers:
            fixed.check(config, stage)
            combining.check(config, stage)
    _check_cache(config, stages[-1], training.methods_of(stages[-1].settings))
    for stage in stages:
        training.check_learning(config, stage)
        made_images.check(config, stage)


def _check_cache(config, last, methods):
    """Refuses a cache of targets that the last stage, which alone reads it, could not use."""
    if not config.teacher_cache:
        return
    rules.require(
        last.teachers,
        config,
        "teacher_cache",
        f"empty: the targets are those of the last stage, {last.name!r}, which has no teachers",
    )
    for method in methods:
        rules.require(
            not method.teacher_taps,
            config,
            "teacher_cache",
            f"empty: the method '{method.name}' matches layers of the teacher, and a cache holds "
            "its logits only",
        )


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
            if key not in FREE:
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
