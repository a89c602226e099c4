"""The networks of a run, as its config names them: those that learn, and those that are loaded."""

import contextlib
import os
import shlex

import keras
import tensorflow as tf

from keras_kd import models, teachers
from keras_kd.config.chain import only_teaches, side_of
from keras_kd.config.combining import may_lack_classes
from keras_kd.config.training import methods_of
from keras_kd.models.some_classes import knowing
from keras_kd.run.asking import named_by_keys
from keras_kd.run.sources import classes_of
from keras_kd.run.streams import sides_of
from keras_kd.teachers.answers import asked_for_output
from keras_kd.teachers.wanted import Asked

# Keys of a network's section that are arguments of `keras_kd.teachers.load`.
READ = ("input_range", "normalization", "layout", "output", "activation", "classes")


@contextlib.contextmanager
def made_in(precision):
    """Makes networks of a dtype policy in the block."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def reading(config, network):
    """How what a network's handle leads to is read: what the config says of it.

    Args:
        config: the run's config.
        network: name of the network's section; empty for a handle without one.

    Returns:
        dict of arguments of `keras_kd.teachers.load`.
    """
    said = {key: config[network][key] for key in READ} if network else {}
    return {key: value for key, value in said.items() if value}


def reading_of(config, teacher):
    """As `reading`, of a teacher of some stages, which may know only some of the classes.

    Args:
        config: the run's config.
        teacher: `keras_kd.config.chain.TeacherConfig` of one with a handle.
    """
    some = {"some_classes": True} if may_lack_classes(config, teacher) else {}
    return reading(config, teacher.network) | some


def build(config, network, source, seed=0, precision=None, wrapped=None, classes=None):
    """A network of a run with its first weights, for the source's classes and channels.

    Args:
        config: the run's config.
        network: name of the network's section: `model`, that is `name` and `kwargs` of a builder,
            and `init`, pretrained weights to start from; without a name the network is the one of
            `init`. A classifier of as many classes comes with them, but for a network that only
            teaches: that one is fine-tuned with a new classifier.
        source: `keras_kd.data.Source`.
        seed: added to the config's.
        precision: dtype policy; default: the config's.
        wrapped: for a network that a wrapper makes of another, a function that gives the other, and
            dict of what `keras_kd.models.wrap_network` takes of a run.
        classes: indices of the classes that it will see, and knows where nobody knew others before;
            None or empty: all.

    Returns:
        a functional Keras model that gives logits of all classes of the source. The same seed gives
        the same weights.
    """
    section, side = config[network], side_of(config, network)
    keras.utils.set_random_seed(config.seed + seed)
    with made_in(precision or config.precision):
        shape = (side, side, source.channels)
        name, kwargs, init = section.model.name, section.model.kwargs, section.init
        keys = f"{network}.model.kwargs", models.arguments_of(name), kwargs.to_dict()
        if models.wraps(name):
            model, given = wrapped()
            keras.utils.set_random_seed(config.seed + seed)  # a network that was read drew, too
            with named_by_keys(*keys):
                kwargs = {**kwargs.to_dict(), **given, "classes": classes}
                return models.wrap_network(name, model, source.num_classes, shape, **kwargs)
        count = len(classes or ()) or source.num_classes
        with named_by_keys(*keys):
            made = models.build(name, count, shape, **kwargs) if name else None
        if not init:
            return knowing(made, classes, source.num_classes)
        with (
            named_by_keys(network, ("init", *READ)),
            asked_on_the_command_line(network),
            asked_for_output(f"init={init!r}"),
        ):
            made = models.start_from(
                init,
                count,
                shape,
                made,
                keep_head=not only_teaches(config, network),
                input_range=tuple(section.input_range) or None,
                normalization=section.normalization or None,
                output=section.output,
            )
        return knowing(made, classes, source.num_classes)


def build_learner(config, stage, source, lengths, teacher=None, precision=None, wrapped=None):
    """What a stage trains: its network, with the head that its methods may want, and the methods.

    Args:
        config: the run's config.
        stage: `keras_kd.config.chain.StageConfig`.
        source: `keras_kd.data.Source`.
        lengths: `keras_kd.training.lengths.Lengths` of the run.
        teacher: Keras model that the stage follows, or None.
        precision: dtype policy; default: the config's.
        wrapped: see `build`.

    Returns:
        (a functional Keras model that gives logits, list of new `keras_kd.methods.Method`).
    """
    settings, classes = stage.settings, classes_of(stage, source)
    student = build(config, stage.network, source, settings.seed, precision, wrapped, classes)
    chosen = methods_of(stage.settings)
    total = lengths.total(stage.settings)
    for method in chosen:
        method.set_stage(total, lengths.batch_size, lengths.num_examples)
        student = method.prepare_student(student, teacher)
    return student, chosen


def build_further(config, stage, source, wrapped):
    """The networks that learn beside a stage's own, each with first weights of its own.

    Args:
        config: the run's config.
        stage: `keras_kd.config.chain.StageConfig`.
        source: `keras_kd.data.Source`.
        wrapped: dict from the names of those that a wrapper makes to what `build` takes.

    Returns:
        dict of name to functional Keras model that gives logits.
    """
    # Alike from the start, networks of one kind would stay alike, and teach each other nothing.
    seeds = enumerate(stage.learners, start=stage.settings.seed + 1)
    classes = classes_of(stage, source)
    return {
        name: build(config, name, source, seed, wrapped=wrapped.get(name), classes=classes)
        for seed, name in seeds
    }


def compile_teacher(config, stage, source, teacher, record=None):
    """A stage's teacher folded, and run by the engine that the config names or a trial chooses.

    Args:
        config: the run's config.
        stage: `keras_kd.config.chain.StageConfig`.
        source: `keras_kd.data.Source`.
        teacher: Keras model with its final weights.
        record: file in which the choice stands for all starts; None: it is not recorded.

    Returns:
        a `keras_kd.teachers.frozen` teacher, see `keras_kd.teachers.freeze`; where gradients pass
        through it, as while a generator learns, the teacher as it is.
    """
    phases = [phase for method in methods_of(stage.settings) for phase in method.phases()]
    if any("teacher" in phase.inside for phase in phases):
        return teacher
    side, replicas = sides_of(config, stage).teacher, tf.distribute.get_strategy()
    return teachers.freeze(
        teacher,
        input_shape=(side, side, source.channels),
        taps=[tap for method in methods_of(stage.settings) for tap in method.teacher_taps],
        engine=engine_of(config, stage),
        batch_size=config.batch_size // replicas.num_replicas_in_sync,
        record=record,
        deterministic=config.deterministic,
    )


# Where keys of a teacher stand that the command line cannot reach; an attribute follows.
OWN_SECTION = (
    "a section of its own in the config file: config.other = network(), config.other.handle = ..., "
    "'other' among the stage's teachers, and config.other."
)


@contextlib.contextmanager
def asked_on_the_command_line(network):
    """Context in which what a teacher asks of the user is asked by the key of a network's section.

    Args:
        network: name of the section; empty: there is none.

    Raises:
        ValueError: in place of a `keras_kd.teachers.wanted.Asked`.
    """
    try:
        yield
    except Asked as error:
        key = f"--config.{network}.{error.argument}={shlex.quote(error.value)}"
        how = f"On the command line that is {key}"
        if not network:
            how = f"Give it {OWN_SECTION}{error.argument}"
        raise ValueError(f"{error} {how}.") from error


def engine_of(config, stage):
    """The engine of a stage's teachers, which all have one."""
    named = [config[teacher.network].engine for teacher in stage.teachers if teacher.network]
    return named[0] if named else "auto"


def save(model, path):
    """Writes a `.keras` file under another name and renames it: whole, or not there.

    Args:
        model: Keras model.
        path: `pathlib.Path`.
    """
    temporary = path.with_name(f".{path.name}")
    model.save(temporary)
    os.replace(temporary, path)
