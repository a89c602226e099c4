"""Who learns from whom: the stages that a config names, and what becomes of each.

`config.stages` names sections. A section of `keras_kd.config.stage` is a stage; one of
`keras_kd.config.network` that holds a stage as `train` is that stage for that network, and one with
a handle has learned already: it only teaches.
"""

from typing import NamedTuple

import ml_collections

from keras_kd.config.keys import kind_of

# Names of keras_kd.models.WRAPPERS, which cannot be asked without loading TensorFlow.
WRAPPERS = (
    "continued", "convpass", "efficient", "extend", "quantize_aware", "residual", "shrink",
)  # fmt: skip
EXTENDING = ("extend",)  # those that give a network new classes
STUDENT = "student"  # the network of a stage that names none


class TeacherConfig(NamedTuple):
    """One of those whom a stage follows, or that its network is made of.

    Attributes:
        name: as the stage names it.
        stage: name of the earlier stage that trains it; empty: it has learned already.
        learned: by which a run knows what the stage has made of it: the stage's name, or that of
            its network's section where it learns there beside another; empty where `stage` is.
        network: name of its network's section; empty for a handle without one.
        handle: where it is loaded from; empty where `stage` is not, and for a network of a section
            without one, that is built with pretrained weights for another to be made of it.
    """

    name: str
    stage: str
    learned: str
    network: str
    handle: str


class StageConfig(NamedTuple):
    """What a config says of one stage that it trains.

    Attributes:
        name: its name in `config.stages`, in logs, checkpoints and the report.
        path: of its section in the config, such as "distil" or "teacher.train".
        settings: that section.
        network: name of the section of the network that learns.
        teachers: tuple of `TeacherConfig`; empty: it learns from labels alone.
        made_of: `TeacherConfig` of the network that its own is made of by a wrapper, see
            `keras_kd.models.wrap`; None: it is built.
        learners: tuple of names of the sections of further networks that learn beside it.
        further_made_of: dict from those of them that wrappers make to the `TeacherConfig` of what
            each is made of.
    """

    name: str
    path: str
    settings: ml_collections.ConfigDict
    network: str
    teachers: tuple
    made_of: TeacherConfig | None = None
    learners: tuple = ()
    further_made_of: dict = {}


def is_loaded(section):
    """Whether a section is a network that has learned already."""
    return kind_of(section) == "network" and bool(section.handle)


def stage_section(config, name):
    """Where a stage's settings stand.

    Args:
        config: ConfigDict of a run.
        name: name in `config.stages`.

    Returns:
        (path, section), or (name, None) where there is no such stage.
    """
    section = config.get(name)
    if kind_of(section) == "network" and "train" in section:
        return f"{name}.train", section.train
    return name, section if kind_of(section) == "stage" else None


def stages_of(config):
    """The stages that a run trains, in their order.

    Args:
        config: ConfigDict of a run, whose chain `keras_kd.config.check` has found right.

    Returns:
        list of `StageConfig`.
    """
    found = []
    for name in config.stages:
        path, settings = stage_section(config, name)
        if settings.enabled and not is_loaded(config[name]):
            owner = name if path != name else settings.network or STUDENT
            teachers = tuple(_teacher(config, teacher) for teacher in settings.teachers)
            learners = tuple(settings.learners)
            found.append(StageConfig(name, path, settings, owner, teachers, None, learners))
    return [
        stage._replace(
            made_of=_made_of(config, stage, found),
            further_made_of=_further_made_of(config, stage),
        )
        for stage in found
    ]


def _made_of(config, stage, stages):
    """Whom a stage's network is made of: `of`, or the first teacher of the stage.

    A stage on labels alone takes that of a stage that trains the same student by teachers, so that
    both begin alike.
    """
    model = config[stage.network].model
    if model.name not in WRAPPERS:
        return None
    if of := model.kwargs.get("of"):
        return _teacher(config, of)
    alike = [s.teachers[0] for s in (stage, *stages) if s.network == stage.network and s.teachers]
    return alike[0] if alike else None


def _further_made_of(config, stage):
    """As `StageConfig.further_made_of`; what names no `of` is left out."""
    models = {name: config[name].model for name in stage.learners if name in config}
    named = {name: model.kwargs.get("of") for name, model in models.items()
             if model.name in WRAPPERS}  # fmt: skip
    return {name: _teacher(config, of) for name, of in named.items() if of}


def _teacher(config, name):
    section = config.get(name)
    if is_loaded(section):
        return TeacherConfig(name, "", "", name, section.handle)
    path, settings = stage_section(config, name)
    if settings is not None:
        owner = name if path != name else settings.network or STUDENT
        return TeacherConfig(name, name, name, owner, "")
    if stage := learns_beside(config, name):
        return TeacherConfig(name, stage, name, name, "")
    if kind_of(section) == "network":
        return TeacherConfig(name, "", "", name, "")
    return TeacherConfig(name, "", "", "", name)


def learns_beside(config, name):
    """Name of the stage in which a network learns beside another; empty where there is none.

    Args:
        config: ConfigDict of a run.
        name: of a network's section, or anything.
    """
    sections = {stage: stage_section(config, stage)[1] for stage in config.stages}
    found = [stage for stage, each in sections.items()
             if each is not None and each.enabled and name in each.learners]  # fmt: skip
    return found[0] if found else ""


def trained_stages(config):
    """The settings of the stages that a run will train, in their order, by path in the config."""
    return {stage.path: stage.settings for stage in stages_of(config)}


def last_stage(config):
    """The stage whose network is the run's student."""
    return stages_of(config)[-1]


def teaching(config):
    """Names of the stages that later ones learn from or are made of, a set."""
    return {one.stage for one in followed(config)}


def followed(config, stage=""):
    """What later stages learn from or are made of, of those that stages train.

    Args:
        config: ConfigDict of a run.
        stage: name of a stage that trains them; empty: of any.

    Returns:
        list of `TeacherConfig`.
    """
    trained = [one for each in stages_of(config) for one in _others(each) if one.stage]
    return [one for one in trained if stage in ("", one.stage)]


def _others(stage):
    """The `TeacherConfig` of all networks that a stage needs beside its own."""
    return (*stage.teachers, *filter(None, [stage.made_of]), *stage.further_made_of.values())


def needed_by(config, stage):
    """The stages that must be done before a stage can begin, in their order."""
    names = {one.stage for one in _others(stage)}
    needed = []
    for earlier in reversed(stages_of(config)):
        if earlier.name in names:
            needed.insert(0, earlier)
            names |= {one.stage for one in _others(earlier)}
    return needed


def yardstick(config):
    """The stage that trains the student's network on labels alone, to compare with; or None."""
    stages = stages_of(config)
    *others, last = stages
    alike = [s for s in others if s.network == last.network and not s.teachers]
    return alike[0] if alike else None


def networks_of(config):
    """Names of the networks of a run: those that its stages train, and those that are loaded."""
    stages = stages_of(config)
    names = [one.network for stage in stages for one in _others(stage)]
    names += [name for stage in stages for name in stage.learners]
    return list(dict.fromkeys(filter(None, [*names, *(stage.network for stage in stages)])))


def only_teaches(config, network):
    """Whether a network is there to teach: others learn from it, and it from none of them.

    Args:
        config: ConfigDict of a run.
        network: name of its section; empty for a handle without one.
    """
    stages = stages_of(config)
    taught = any(
        (stage.network == network and stage.teachers) or network in stage.learners
        for stage in stages
    )
    teaches = any(network == teacher.network for stage in stages for teacher in stage.teachers)
    return teaches and not taught


def side_of(config, network):
    """The side in pixels of the images that a network sees; arguments as of `only_teaches`.

    A network that only teaches sees `data.teacher_resolution`, the others `data.resolution`. One
    that is built for another to be made of it sees what the other does.
    """
    data, built = config.data, TeacherConfig(network, "", "", network, "")
    network = next((s.network for s in stages_of(config) if s.made_of == built), network)
    own = data.teacher_resolution if only_teaches(config, network) else 0
    return own or data.resolution
