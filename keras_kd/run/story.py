"""The whole story of a run, top-down: data, teacher, baseline, student, facts.

Every step leaves its product in the working directory, so that a run that was stopped goes on
where it was.
"""

import contextlib
import os

import numpy as np
import tensorflow as tf

from keras_kd import data
from keras_kd.config import absolute, check, trained_stages
from keras_kd.config.views import views_of
from keras_kd.distillation.kd_model import KDModel
from keras_kd.distribution import strategies
from keras_kd.run import sources as domains
from keras_kd.run.networks import build_student, compiled_teacher, get_teacher, student_and_methods
from keras_kd.run.streams import Streams, check_batch_size, lengths
from keras_kd.run.targets import check_targets, chosen_methods, get_targets
from keras_kd.run.workdir import Workdir
from keras_kd.training import pieces as prolong
from keras_kd.training import stage as stages
from keras_kd.training.lengths import total_steps
from keras_kd.utils.files import write_atomically, write_json
from keras_kd.utils.locks import exclusive


def run(config, workdir, strategy=None, progress=lambda line: None, command="", data_service=""):
    """Trains or loads the teacher, trains the baseline, distils the student, and evaluates.

    Args:
        config: ConfigDict, see `keras_kd.config.base`.
        workdir: path of the working directory; made if missing.
        strategy: a `tf.distribute.Strategy`; default: see `keras_kd.distribution.strategies.build`.
        progress: function that is told, line by line, what happens.
        command: what a reader of the report types to make this run again.
        data_service: address `grpc://host:port` of a tf.data service that makes the training
            batches; empty: this process makes them.

    Returns:
        dict: what `report.json` holds (counts, seconds, shares in [0, 1]); None on a worker that
        leaves the report to the chief.

    Raises:
        ValueError: an impossible config, data that do not fit, a workdir of another config.
        ChiefStopped: this is another worker, and the chief refused.
        TrainingDiverged: the loss is not finite any more.
    """
    config = prepare(config)
    strategy = strategy or strategies.build()
    check_batch_size(config, strategy)  # on every worker, with the same words
    chief = strategies.is_chief(strategy)
    workdir = Workdir(workdir, config, writes=chief)
    strategies.check_same_files(strategy, workdir.path)
    if workdir.report:
        progress(f"{workdir.path} holds a finished run; nothing to do.")
        return workdir.report
    with strategies.chief_first(strategy):  # the others read its scan of the files
        source = load_source(config, index_dir=str(workdir / "index"))
        streams = Streams(config, source, strategy, data_service, needs_ids(config))
    progress(
        f"{source.name}: {streams.num_examples:,} training images, {source.num_classes} classes, "
        f"{strategy.num_replicas_in_sync} replica(s), batch {config.batch_size}"
    )
    with strategy.scope():
        teacher = get_teacher(config, source, streams)
        rehearse(config, workdir, source, streams, teacher)
        accept_longer(config, workdir, streams)
        train_teacher(config, workdir, teacher, streams, progress)
        if not config.teacher.handle:  # known only now, and still before the baseline
            check_targets(config, workdir, streams, teacher)
        baseline = train_baseline(config, workdir, source, streams, progress)
        student = distil(config, workdir, source, streams, teacher, progress)
    if not chief:
        return None
    save_student(config, workdir, source, streams, teacher, student)
    return tell(config, workdir, source, streams, teacher, baseline, student, command)


def prepare(config):
    """What every start on a config begins with, before any op is made: the config, checked.

    Args:
        config: ConfigDict of a run.

    Returns:
        a copy with absolute paths, see `keras_kd.config.absolute`.

    Raises:
        ValueError: an impossible config.
    """
    check(config)
    if config.deterministic:
        # A CPU gives equal bits without it; a GPU's sums need it.
        tf.config.experimental.enable_op_determinism()
    return absolute(config)


def load_source(config, index_dir=None):
    """The data source whose classes a run is about; `index_dir` saves a restart its scan."""
    return domains.load_classes(config, index_dir)


def rehearse(config, workdir, source, streams, teacher):
    """Builds all that comes later once, so that a mistake in it shows before hours of training.

    Raises:
        ValueError: a student, a method, a tap, a schedule or a mode that cannot be.
    """
    student, chosen = student_and_methods(config, source, streams, teacher)
    KDModel(student, teacher, chosen, config.distil.label_weight)
    for method in chosen:
        method.check_examples(streams.images.split(config.data.train_split).ids)
    # A teacher that has yet to learn is compared when it has, see `run`.
    check_targets(config, workdir, streams, teacher if config.teacher.handle else None)
    for name, settings in trained_stages(config).items():
        try:
            stages.make_optimizer(settings, **lengths(config, streams))
        except ValueError as error:
            raise ValueError(f"config.{name}: {error}") from error
    stages.steps_to_keep(config.checkpoint.keep_at, config.distil, **lengths(config, streams))


def accept_longer(config, workdir, streams):
    """Lets stages go on whose totals were raised, see `keras_kd.training.pieces`."""
    counted = lengths(config, streams)
    prolong.accept(
        trained_stages(config),
        workdir,
        lambda length: total_steps(length, **counted),
        lambda settings, pieces: stages.make_optimizer(settings, **counted, pieces=pieces),
    )


def train_teacher(config, workdir, teacher, streams, progress=lambda line: None):
    """Trains a teacher that was not loaded, and freezes it."""
    if config.teacher.handle:
        return
    settings, resolution = config.teacher, streams.teacher_resolution
    train, evaluation = streams.alone(settings.train, resolution)
    # keras-kd-teach may train the same one, in any number of processes: the others find it done.
    writer = workdir.writes
    with exclusive(workdir.path) if writer else contextlib.nullcontext():
        stages.train(
            "teacher",
            teacher,
            settings.train,
            workdir,
            train,
            evaluation,
            **for_every_stage(config, streams, progress),
            writes=writer,
        )
        teacher.trainable = False
        if writer:
            save(teacher, workdir / "teacher.keras")


def train_baseline(config, workdir, source, streams, progress=lambda line: None):
    """What the student's network reaches on labels alone: the stage's result, or None."""
    if not config.baseline.enabled:
        return None
    student = build_student(config, source, streams.resolution)
    train, evaluation = streams.alone(config.baseline, streams.resolution)
    return stages.train(
        "baseline",
        student,
        config.baseline,
        workdir,
        train,
        evaluation,
        **for_every_stage(config, streams, progress),
        writes=workdir.writes,
    )


def distil(config, workdir, source, streams, teacher, progress=lambda line: None):
    """The student, trained to match the teacher."""
    student, chosen = student_and_methods(config, source, streams, teacher)
    train, evaluation = streams.together(config.distil)
    compiled = compiled_teacher(config, workdir, teacher, streams, progress)
    targets = get_targets(config, workdir, streams, teacher, compiled, progress)
    if targets is not None:
        train = streams.cached(config.distil, targets)
    stages.train(
        "distil",
        student,
        config.distil,
        workdir,
        train,
        evaluation,
        **for_every_stage(config, streams, progress),
        writes=workdir.writes,
        teacher=compiled,
        methods=chosen,
        keep_at=config.checkpoint.keep_at,
    )
    return student


def needs_ids(config):
    """Whether a method of the run tells the examples apart."""
    return any(method.needs_id for method in chosen_methods(config))


def for_every_stage(config, streams, progress):
    """What all stages of a run are trained with."""
    return {
        **lengths(config, streams),
        "seed": config.seed,
        "xla": config.xla,
        "checkpoint_every": config.checkpoint.every,
        "checkpoint_keep": config.checkpoint.keep,
        "tell": progress,
    }


def save_student(config, workdir, source, streams, teacher, student):
    """Writes `student.keras`, in float32 whatever it was trained in: only the student leaves."""
    if config.precision != "float32":
        trained = student
        student, _ = student_and_methods(config, source, streams, teacher, precision="float32")
        student.set_weights(trained.get_weights())
    save(student, workdir / "student.keras")


def save(model, path):
    """Writes a `.keras` file under another name and renames it: whole, or not there."""
    temporary = path.with_name(f".{path.name}")
    model.save(temporary)
    os.replace(temporary, path)


def tell(config, workdir, source, streams, teacher, baseline, student, command):
    """Evaluates teacher and student side by side and writes `report.json` (exports come later)."""
    evaluation = streams.held_out()
    # The scan knows the labels: decoding the images once more for them would be wasted.
    labels = source.split(config.data.eval_split).labels
    teacher_logits = predict(evaluation, teacher, "teacher")
    student_logits = predict(evaluation, student, "student")
    write_atomically(
        workdir / "predictions.npz",
        lambda file: np.savez(
            file, label=labels, teacher_logits=teacher_logits, student_logits=student_logits
        ),
    )
    distilled = workdir.result("distil")
    examples = {
        "train": streams.images.split(config.data.train_split),
        "eval": source.split(config.data.eval_split),
    }
    report = {
        "dataset": config.data.eval_source or config.data.source,
        "name": config.name,
        "teacher": {
            "name": config.teacher.handle or config.teacher.model.name or config.teacher.init,
            "accuracy": share(teacher_logits, labels),
            "parameters": teacher.count_params(),
        },
        "baseline": baseline and {"accuracy": baseline["accuracy"]},
        "student": {
            "name": config.student.model.name or config.student.init,
            "accuracy": share(student_logits, labels),
            "parameters": student.count_params(),
        },
        "fidelity": {"kl": distilled["kl"], "agreement": distilled["agreement"]},
        "train": {key: distilled[key] for key in ("steps", "images_per_second", "seconds")},
        "stages": {name: workdir.result(name) for name in ("teacher", "baseline", "distil")},
        "classes": list(source.class_names),
        "data": {
            "distilled_on": config.data.source if config.data.eval_source else None,
            "train_images": examples["train"].num_examples,
            "test_images": examples["eval"].num_examples,
            "train_split": config.data.train_split,
            "eval_split": config.data.eval_split,
            "skipped": [list(s) for split in examples.values() for s in split.skipped],
        },
        "command": command,
        "exports": {},
    }
    write_json(workdir / "report.json", report)
    return report


def predict(evaluation, model, role):
    """A model's logits `[N, K]` on its own view, in the order of the evaluation split."""
    views = evaluation.map(lambda x, y: x[role] if isinstance(x, dict) else x)
    # `model.predict` would wait for the other workers, which are done.
    logits = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    return np.concatenate([logits(images).numpy() for images in views])


def share(logits, labels):
    """Share of examples whose largest logit is their label."""
    return float(np.mean(logits.argmax(axis=-1) == labels))


def preview(config, path):
    """Draws what teacher and student see in the first training batch.

    Args:
        config: ConfigDict of a run.
        path: PNG file to write.

    Returns:
        the path.
    """
    check(config)
    settings = config.data
    return data.preview(
        domains.load_images(config, load_source(config)),
        settings.train_split,
        views_of(config, config.distil),
        settings.resolution,
        path,
        teacher_resolution=settings.teacher_resolution or None,
        batch_size=config.batch_size,
        seed=config.seed,
    )
