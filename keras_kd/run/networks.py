"""The networks of a run: teacher and student, as its config names them."""

import keras
import tensorflow as tf

from keras_kd import models, teachers
from keras_kd.run.streams import lengths
from keras_kd.run.targets import chosen_methods
from keras_kd.training.lengths import total_steps


def build_model(config, role, source, resolution, precision=None, keep_head=False):
    """The network of a role, with the source's classes and channels.

    Args:
        config: the run's config.
        role: ConfigDict with `model`, that is `name` and `kwargs` of a builder, and with `init`,
            pretrained weights to start from; without a name the network is the one of `init`.
        source: `keras_kd.data.Source`.
        resolution: side of its images, px.
        precision: dtype policy; default: the config's.
        keep_head: take over the classifier of `init` where it has as many classes.

    Returns:
        a functional Keras model that gives logits. The same seed gives the same weights.
    """
    keras.utils.set_random_seed(config.seed)
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(precision or config.precision)
    try:
        shape = (resolution, resolution, source.channels)
        name, kwargs, init = role.model.name, role.model.kwargs, role.init
        network = models.build(name, source.num_classes, shape, **kwargs) if name else None
        if not init:
            return network
        reach = tuple(role.get("input_range", ())) or None
        return models.start_from(
            init, source.num_classes, shape, network, keep_head=keep_head, input_range=reach
        )
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def build_student(config, source, resolution, precision=None):
    """A new student; pretrained weights bring their classifier where the classes are as many."""
    return build_model(config, config.student, source, resolution, precision, keep_head=True)


def get_teacher(config, source, streams):
    """The teacher: loaded by its handle, or a network that has yet to learn."""
    settings, resolution = config.teacher, streams.teacher_resolution
    if not settings.handle:
        return build_model(config, settings, source, resolution)
    return teachers.load(
        settings.handle,
        num_classes=source.num_classes,
        input_shape=(resolution, resolution, source.channels),
        input_range=tuple(settings.input_range) or None,
    )


def student_and_methods(config, source, streams, teacher, precision=None):
    """The student, with the head that its methods may want, and new objects of these methods."""
    student = build_student(config, source, streams.resolution, precision)
    chosen = chosen_methods(config)
    total = total_steps(config.distil.total, **lengths(config, streams))
    for method in chosen:
        method.set_stage(total, config.batch_size, streams.num_examples)
        student = method.prepare_student(student, teacher)
    return student, chosen


def compiled_teacher(config, workdir, teacher, streams, progress=lambda line: None):
    """The teacher folded and run by the engine that the config names or a trial chooses.

    The choice stands in `teacher_engine.json` and holds for all starts on the working directory;
    without one it is not recorded.
    """
    side, replicas = streams.teacher_resolution, tf.distribute.get_strategy().num_replicas_in_sync
    return teachers.freeze(
        teacher,
        input_shape=(side, side, streams.source.channels),
        taps=[tap for method in chosen_methods(config) for tap in method.teacher_taps],
        engine=config.teacher.engine,
        batch_size=config.batch_size // replicas,
        record=workdir / "teacher_engine.json" if workdir and workdir.writes else None,
        deterministic=config.deterministic,
    )
