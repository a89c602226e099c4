"""What a config may say of its networks: names, arguments, and where their weights come from."""

from keras_kd import models
from keras_kd.config.chain import is_loaded, networks_of, stages_of
from keras_kd.config.rules import NETWORK, follow, require
from keras_kd.models.pixels import pixels_of
from keras_kd.teachers import answers
from keras_kd.teachers.classes import read_classes
from keras_kd.teachers.frozen import engines
from keras_kd.teachers.wanted import check_layout
from keras_kd.utils import handles


def check(config):
    """Refuses networks that cannot be built, of those that the run's stages train or follow.

    Args:
        config: ConfigDict of a run whose chain of stages is right.

    Raises:
        ValueError: names the key, what was received and what to write.
    """
    for name in networks_of(config):
        follow(NETWORK, config, name)
        _check_values(config, name)
        require(
            not (config[name].handle and config[name].init),
            config,
            f"{name}.init",
            f"empty where config.{name}.handle names a teacher that has learned already",
        )
        if not is_loaded(config[name]):
            _check_model(config, name)
            require(
                not config[name].layout,
                config,
                f"{name}.layout",
                f"empty where config.{name}.handle is: it tells the layout of that file's images",
            )
            require(
                config[name].init or not config[name].normalization,
                config,
                f"{name}.normalization",
                f"empty where config.{name}.handle and config.{name}.init are: networks that are "
                "built here take images in [-1, 1]",
            )
    for stage in stages_of(config):
        _check_engines(config, stage)
        _check_wrapped(config, stage)
    _check_last(config)


def _check_values(config, name):
    """Refuses values of single keys that those refuse who read them."""
    section = config[name]

    def pixels(normalization):
        pixels_of(tuple(section.input_range) or None, normalization)

    for key, refuse in (
        ("engine", engines.check),
        ("handle", handles.absolute),
        ("normalization", pixels),
        ("layout", check_layout),
        ("activation", answers.check_activation),
        ("classes", lambda path: path and read_classes(path)),
    ):
        try:
            refuse(section[key])
        except ValueError as error:
            raise ValueError(f"config.{name}.{key}: {error}") from error
    require(
        section.handle or section.init or not section.output,
        config,
        f"{name}.output",
        f"left out where config.{name}.handle and config.{name}.init are empty: networks that are "
        "built here have one",
    )
    for key in ("activation", "classes", "accept"):
        require(
            section.handle or not section[key],
            config,
            f"{name}.{key}",
            f"left out where config.{name}.handle is empty: it is about a network that is loaded "
            "to teach",
        )


def _check_model(config, name):
    model, init = config[name].model, config[name].init
    if model.name or not init:
        try:
            models.check(model.name, model.kwargs)
        except ValueError as error:
            raise ValueError(f"config.{name}.model: {error}") from error
        return
    require(
        not model.kwargs,
        config,
        f"{name}.model.kwargs",
        f"empty where config.{name}.model.name is: the network is the one of config.{name}.init",
    )


def _check_wrapped(config, stage):
    """A network that is made of another needs the other."""
    section, key = config[stage.network], f"config.{stage.network}"
    name = section.model.name
    if not models.wraps(name):
        return
    require(not section.init, config, f"{stage.network}.init",
            f"empty where {key}.model.name is {name}: its weights come from the network that it is "
            "made of")  # fmt: skip
    if stage.made_of is None:
        raise ValueError(
            f"{key}.model.name={name!r} makes a student of its stage's teacher, or of what "
            f"{key}.model.kwargs.of names. Received: stage {stage.name!r}, which has no teachers, "
            f"and no `of`. Set one, or config.{stage.path}.enabled=False."
        )


def _check_last(config):
    """A network as a device runs it is the run's student, and made of one that is not."""
    stages = stages_of(config)
    final, last = [], stages[-1]
    for stage in stages:
        in_floats = stage.made_of is None or stage.made_of.stage not in [s.name for s in final]
        if models.comes_last(config[stage.network].model.name, in_floats):
            final.append(stage)
    if final and last not in final:
        raise ValueError(
            "config.stages must end with the networks that are trained in few bits: they are what "
            f"a device runs. Received: {final[-1].name!r} before {last.name!r}, whose network is "
            f"in floats, in stages={tuple(config.stages)}. Put {final[-1].name!r} last."
        )
    for stage in final:
        again = models.comes_last(config[stage.network].model.name)
        if again and stage.made_of.stage in [one.name for one in final]:
            raise ValueError(
                f"config.{stage.network}.model.kwargs.of must name a network in floats. Received: "
                f"{stage.made_of.name!r}, which is trained in few bits. Name the stage before it."
            )


def _check_engines(config, stage):
    """One engine runs all teachers of a stage."""
    named = {teacher.name: config[teacher.network].engine
             for teacher in stage.teachers if teacher.network}  # fmt: skip
    if len(set(named.values())) > 1:
        told = ", ".join(f"config.{config_name}.engine={engine!r}"
                         for config_name, engine in named.items())  # fmt: skip
        raise ValueError(
            f"The teachers of stage {stage.name!r} run as one, by one engine. Received: {told}. "
            "Set both alike."
        )
