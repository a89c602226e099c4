"""What a run has left in its working directory, loaded again to be evaluated."""

import keras
import tensorflow as tf

from keras_kd import data, teachers
from keras_kd.run import story as run
from keras_kd.training import stage as stages
from keras_kd.training.checkpoints import read_weights


def load_student(workdir):
    """The finished student of a run.

    Args:
        workdir: the run's `keras_kd.run.workdir.Workdir`.

    Returns:
        a Keras model from images to logits.

    Raises:
        ValueError: the run is not finished, or the file does not load.
    """
    path = workdir / "student.keras"
    # A file alone may be that of a run which has been made longer since.
    if not path.exists() or not (workdir.report or workdir.result("distil")):
        steps = ", ".join(map(str, workdir.checkpoints("distil").files()))
        hint = f", or evaluate checkpoints with --steps, of {steps}" if steps else ""
        raise ValueError(
            "The student of a finished run was expected. Received: workdir="
            f"{workdir.path}, which is not finished. Start keras-kd-train on it again: it goes on "
            f"where it stopped{hint}."
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"{path} does not load ({error}). Restore the file.") from error


def load_teacher(workdir, config, num_classes, input_shape):
    """The teacher of a run: the one that its config names, or that it has trained.

    Args:
        workdir: the run's `keras_kd.run.workdir.Workdir`.
        config: the run's config.
        num_classes: classes of the student.
        input_shape: (height, width, channels) of what the teacher sees.

    Returns:
        a frozen Keras model from images to logits.

    Raises:
        ValueError: it is not trained yet, or does not fit.
    """
    handle, reach = config.teacher.handle, tuple(config.teacher.input_range)
    if handle:
        return teachers.load(handle, num_classes, input_shape, reach or None)
    path = workdir / "teacher.keras"
    if not path.exists():
        raise ValueError(
            f"A run that trains its teacher leaves teacher.keras. Received: workdir={workdir.path}"
            ", which has none. Start keras-kd-train on it again until the teacher is trained."
        )
    return teachers.load(str(path), num_classes, input_shape)


def sources(workdir, config, name="", data_dir="", needs_own=False):
    """The source to evaluate on, and the run's own.

    Args:
        workdir: the run's `keras_kd.run.workdir.Workdir`.
        config: the run's config.
        name: name for `keras_kd.data.load_source`; empty: the run's own.
        data_dir: where tfds keeps it; empty: the run's.
        needs_own: whether the run's own is needed in any case.

    Returns:
        (`keras_kd.data.Source`, the run's own, or None where it is neither needed nor named: its
        data need not be there to evaluate a finished student on others).

    Raises:
        ValueError: an unknown source.
        FileNotFoundError: a folder that is not there.
    """
    index = str(workdir / "index")
    needed = needs_own or not name or workdir.report is None
    own = run.load_source(config, index_dir=index) if needed else None
    if not name:
        return own, own
    place = data_dir or config.data.data_dir or None
    return data.load_source(name, place, config.data.allow_bad, index), own


def evaluation_images(config, source, split, channels):
    """Images of a split as the run evaluates on its own, see `keras_kd.data.evaluation_dataset`.

    Raises:
        ValueError: a source whose images have another number of channels than the models take.
    """
    if source.channels != channels:
        raise ValueError(
            f"The run's models take images of {channels} channel(s). Received: source="
            f"{source.name}, with {source.channels}. Choose a source of the same kind."
        )
    settings = config.data
    return data.evaluation_dataset(
        source,
        split,
        settings.eval_batch_size,
        settings.resolution,
        teacher_resolution=settings.teacher_resolution or None,
        full_image=settings.eval_full_image,
        scale=settings.eval_scale,
    )


def chosen_files(steps, files):
    """The checkpoints that --steps names.

    Args:
        steps: "100,200", "all", or empty.
        files: dict of step -> file of those that there are.

    Returns:
        dict of step -> file; empty where `steps` is.

    Raises:
        ValueError: not numbers, or steps without a checkpoint.
    """
    if not steps:
        return {}
    there = ", ".join(map(str, files)) or "none"
    if steps.strip() == "all" and files:
        return files
    try:
        wanted = sorted({int(step) for step in steps.split(",")})
    except ValueError:
        wanted = None
    if wanted is None or not files.keys() >= set(wanted):
        raise ValueError(
            f"--steps must be 'all', or steps of the distillation that have a checkpoint: {there}. "
            f"Received: --steps={steps}. To keep chosen ones, train with config.checkpoint.keep_at."
        )
    return {step: files[step] for step in wanted}


def students_at(config, source, teacher, files):
    """The student as it was at chosen steps of the distillation.

    Args:
        config: the run's config.
        source: the run's `keras_kd.data.Source`.
        teacher: the run's teacher.
        files: dict of step -> checkpoint, see `keras_kd.training.checkpoints.Checkpoints.files`.

    Yields:
        (step, student): always the same `tf.function` of a float32 Keras model from images to
        logits, whose weights change from step to step.

    Raises:
        ValueError: a checkpoint that is damaged.
    """
    streams = run.Streams(config, source)
    network, methods = run.student_and_methods(config, source, streams, teacher)
    make = stages.model_class(config.distil)
    kd = make(network, teacher, methods, config.distil.label_weight)
    student = trained = kd.evaluated  # what a run evaluates, and what leaves
    if config.precision != "float32":
        student, _ = run.student_and_methods(config, source, streams, teacher, precision="float32")
    answer = tf.function(student, reduce_retracing=True)
    for step, path in files.items():
        read_weights(path, kd.state())
        if student is not trained:
            student.set_weights(trained.get_weights())
        yield step, answer
