"""Paths in a config, so that they hold wherever a command is started."""

import os

from keras_kd.config.keys import sections
from keras_kd.utils import handles


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
    config.data.student_source = located(config.data.student_source)
    config.data.eval_source = located(config.data.eval_source)
    config.data.unlabelled = located(config.data.unlabelled)
    config.budget.weights = full(config.budget.weights)
    config.data.data_dir = full(config.data.data_dir)
    for section in sections(config, "network"):
        section.handle = handles.absolute(section.handle)
        section.init = handles.located(section.init) if section.init else ""
        section.classes = full(section.classes)
        if "?" in section.model.name:  # keras:NAME?weights=FILE
            section.model.name = handles.located(section.model.name)
        weights = section.model.kwargs.get("weights")
        if isinstance(weights, str):  # of a builder: "imagenet", or a file
            section.model.kwargs.weights = full(weights) if os.path.isfile(weights) else weights
        of = section.model.kwargs.get("of")  # of a wrapper: a name in the config, or a handle
        if of and of not in config:
            section.model.kwargs.of = handles.absolute(of)
    for section in sections(config, "stage"):
        section.teachers = tuple(
            teacher if teacher in config else handles.absolute(teacher)
            for teacher in section.teachers
        )
    config.teacher_cache = full(config.teacher_cache)
    config.fixed_targets = full(config.fixed_targets)
    return config
