"""Refuses stages that cannot follow one another: unknown, twice, or learning from later ones."""

import os

from keras_kd.config.chain import (
    STUDENT,
    WRAPPERS,
    followed,
    is_loaded,
    learns_beside,
    side_of,
    stage_section,
    stages_of,
    teaching,
)
from keras_kd.config.keys import kind_of
from keras_kd.config.rules import require
from keras_kd.utils import handles
from keras_kd.utils.names import nearest

OR_WEIGHTS = ", or pretrained weights to begin with, as its init"


def check(config):
    """Refuses a chain of stages that cannot be, before its stages' own values are looked at.

    Args:
        config: ConfigDict of a run.

    Raises:
        ValueError: names the stage, what was received and the nearest name there is.
    """
    names = list(config.stages)
    require(
        names and all(isinstance(name, str) for name in names),
        config,
        "stages",
        "names of stages, one at least, such as ('teacher', 'distil')",
    )
    for position, name in enumerate(names):
        _check_name(config, name)
        if name in names[:position]:
            raise ValueError(
                f"config.stages must name each stage once. Received: {name!r} twice. For another "
                "stage like it make a section of your own: config.again = stage(...)."
            )
    for position, name in enumerate(names):
        if _is_trained(config, name):
            _check_network(config, name)
            path, settings = stage_section(config, name)
            for teacher in settings.teachers:
                key = f"config.{path}.teachers"
                _check_teacher(config, key, name, teacher, names[:position])
    stages = stages_of(config)
    for stage in stages:
        _check_learners(config, stage)
    _check_ensemble(config, stages)
    for stage in stages:
        made_of = {stage.network: stage.made_of, **stage.further_made_of}
        for network, other in made_of.items():
            if other is not None and not _begins(config, other):
                key = f"config.{network}.model.kwargs.of"
                earlier = names[: names.index(stage.name)]
                _check_teacher(config, key, stage.name, other.name, earlier)
    require(
        stages,
        config,
        "stages",
        "one stage at least that is enabled and trains a network",
    )
    if STUDENT in teaching(config):
        raise ValueError(
            "The stage 'student' must be the last one: its network is student.keras, and so is "
            f"the run's. Received: stages={tuple(names)}, of which one learns from it. Choose "
            "another name for its network's section."
        )


def _is_trained(config, name):
    return stage_section(config, name)[1].enabled and not is_loaded(config[name])


def _check_name(config, name):
    _, section = stage_section(config, name)
    if section is not None:
        return
    if kind_of(config.get(name)) == "network":
        near = ""
        hint = f"config.{name} is a network that no stage trains: give it train=stage(...)."
        hint += f" To learn from what its handle names, write teachers=({name!r},)."
    else:
        known = [key for key in config if stage_section(config, key)[1] is not None]
        near, hint = nearest(name, known), f"Stages there are: {', '.join(known)}."
    raise ValueError(
        "config.stages must hold names of stages, that is of sections that "
        f"keras_kd.config.stage made. Received: {name!r}.{near} {hint}"
    )


def _check_network(config, name):
    path, settings = stage_section(config, name)
    if path != name:
        require(
            settings.network in ("", name),
            config,
            f"{path}.network",
            f"empty: the stage trains the network that holds it, {name!r}",
        )
        return
    network = settings.network or STUDENT
    if kind_of(config.get(network)) != "network":
        known = [key for key, section in config.items() if kind_of(section) == "network"]
        raise ValueError(
            f"config.{path}.network must be the name of a network's section, one that "
            f"keras_kd.config.network made. Received: {path}.network={network!r}."
            f"{nearest(network, known)} Networks there are: {', '.join(known)}."
        )
    require(
        not config[network].handle,
        config,
        f"{network}.handle",
        f"empty: the stage {name!r} trains this network. Start it from weights with "
        f"config.{network}.init",
    )


def _check_ensemble(config, stages):
    """Stages that are evaluated as one: two at least, trained in this run, of one size of image."""
    known = {stage.name: side_of(config, stage.network) for stage in stages}
    names = tuple(config.ensemble)
    fits = len(set(names)) == len(names) != 1 and set(names) <= known.keys()
    if not fits or len({known[name] for name in names}) > 1:
        raise ValueError(
            "config.ensemble must name two stages or more that this run trains, each once, whose "
            f"networks see images of one size. Received: ensemble={names!r}. Stages and sizes: "
            f"{', '.join(f'{name} ({side} px)' for name, side in known.items())}."
        )


def _check_learners(config, stage):
    """Further networks of a stage: there, untrained, and each once."""
    key, found = f"config.{stage.path}.learners", []
    trained = {"student", "teacher", *(one.network for one in stages_of(config))}
    for name in stage.learners:
        section = config.get(name) if isinstance(name, str) else None
        if kind_of(section) != "network" or is_loaded(section) or name in {*trained, *found}:
            known = [one for one, each in config.items() if kind_of(each) == "network"]
            free = [one for one in known if one not in trained and not is_loaded(config[one])]
            raise ValueError(
                f"{key} must name, each once, networks that learn in this stage alone, made by "
                f"keras_kd.config.network, without a handle. Received: {name!r} in "
                f"learners={tuple(stage.learners)}. Networks of that kind: "
                f"{', '.join(free) or 'none'}. Make one in the config file: config.peer = "
                "network('resnet', depth=8)."
            )
        if section.model.name in WRAPPERS and name not in stage.further_made_of:
            raise ValueError(
                f"config.{name}.model.kwargs.of must name what {name!r}, one of {key}, is made of "
                f"by {section.model.name!r}: an earlier stage, a network or a handle. Received: no "
                "`of`. Set it, or give the network a builder's name, such as 'resnet'."
            )
        found.append(name)
    for name in found:
        others = [one.name for one in stages_of(config)
                  if name in one.learners and one.name != stage.name]  # fmt: skip
        if others and name in [one.learned for one in followed(config)]:
            raise ValueError(
                f"{key} must name networks that learn in one stage alone where others follow them. "
                f"Received: {name!r}, which learns in {others[0]!r} too. Make another section for "
                "it: config.again = network('continued', of=...)."
            )


def _check_teacher(config, key, name, teacher, earlier):
    received = f"Received: {teacher!r}."
    if teacher == name:
        raise ValueError(f"{key} must be of others: no stage learns from itself. {received}")
    if not isinstance(teacher, str):
        raise ValueError(f"{key} must be names or handles. {received}")
    if is_loaded(config.get(teacher)):
        return
    _, settings = stage_section(config, teacher)
    if beside := settings is None and learns_beside(config, teacher):
        if beside not in earlier:
            raise ValueError(
                f"{key} must have learned before {name!r}. {received} It learns in {beside!r}, "
                f"which comes later, in config.stages={tuple(config.stages)}."
            )
    elif settings is None:
        _check_handle(config, key, teacher, received)
    elif teacher not in config.stages:
        raise ValueError(
            f"{key} must be stages of this run. {received} It is not in config.stages, which are "
            f"{tuple(config.stages)}: put it in front of {name!r}."
        )
    elif teacher not in earlier:
        raise ValueError(
            f"{key} must be earlier stages. {received} It comes after {name!r} in config.stages, "
            f"{tuple(config.stages)}."
        )
    elif not settings.enabled:
        raise ValueError(f"{key} must be enabled. {received} Set its `enabled` to True.")


def _begins(config, other):
    """Whether what a network is made of is built with pretrained weights, and trained by none."""
    if other.stage or other.handle or other.network not in config:
        return False
    section = config[other.network]
    return bool(section.init or section.model.kwargs.get("weights"))


def _check_handle(config, key, teacher, received):
    parts = [part for part, _ in handles.members(teacher)] if teacher else [""]
    if all(":" in part or os.path.exists(part) for part in parts) and teacher:
        return
    if kind_of(config.get(teacher)) == "network":
        raise ValueError(
            f"{key} must have learned before. {received} No stage trains this network, and it has "
            f"no handle: give it train=stage(...) and its name to config.stages, or a "
            f"config.{teacher}.handle{'' if key.endswith('teachers') else OR_WEIGHTS}."
        )
    known = [*config.stages, *(name for stage in stages_of(config) for name in stage.learners)]
    raise ValueError(
        f"{key} must be names of earlier stages, files that are there, or handles such as "
        f"bit:R50x1-imagenet224. {received}{nearest(teacher, known)}"
    )
