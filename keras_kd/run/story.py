"""The whole story of a run, top-down: data, stage after stage, the student, facts.

Every step leaves its product in the working directory, so that a run that was stopped goes on
where it was.
"""

import logging

from keras_kd import data
from keras_kd.config.views import seen_in
from keras_kd.distribution import strategies
from keras_kd.run import sources
from keras_kd.run.budget import settled
from keras_kd.run.door import check_teachers
from keras_kd.run.experiment import Experiment, prepare
from keras_kd.run.facts import save_student, write_report
from keras_kd.run.lines import lines_to
from keras_kd.run.rehearsal import compare_targets, rehearse
from keras_kd.run.streams import sides_of

logger = logging.getLogger(__name__)


def run(config, workdir, strategy=None, progress=None, command="", data_service=""):
    """Trains one stage after the other, each on labels or by its teachers, and evaluates.

    Args:
        config: ConfigDict, see `keras_kd.config.base`.
        workdir: path of the working directory; made if missing.
        strategy: a `tf.distribute.Strategy`; default: see `keras_kd.distribution.strategies.build`.
        progress: function that is told, line by line, what the package logs; None: the lines go
            where `logging` sends those of `keras_kd`.
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
    with lines_to(progress):
        config = settled(config, workdir)
    experiment = Experiment(config, workdir, strategy, data_service)
    with lines_to(progress):
        workdir = experiment.workdir
        strategies.check_same_files(strategy, workdir.path)
        if report := workdir.report:
            logger.info("%s holds a finished run; nothing to do.", workdir.path)
            return report
        _log_data(experiment)
        with strategy.scope():
            rehearse(experiment)
            with strategies.chief_first(strategy):
                if experiment.writes:
                    check_teachers(experiment)
            experiment.accept_longer()
            for stage in experiment.stages:
                experiment.train(stage)
                compare_targets(experiment, stage.name)  # before others are trained in vain
        if not experiment.writes:
            return None
        save_student(experiment)
        return write_report(experiment, command)


def _log_data(experiment):
    source, replicas = experiment.source, experiment.strategy.num_replicas_in_sync
    pool = experiment.streams.pools.of(experiment.last)
    images = f"{pool.num_examples:,} training images"
    if not pool.has_images:
        images = f"no training image is read, an epoch is {pool.num_examples:,} that are made"
    logger.info(
        f"{source.name}: {images}, "
        f"{source.num_classes} classes, {replicas} replica(s), "
        f"batch {experiment.config.batch_size}"
    )
    evaluated = source.split(experiment.config.data.eval_split)
    for line in sources.describe(experiment.config, experiment.streams.pools, evaluated):
        logger.info(line)


def preview(config, path, workdir=None):
    """Draws what teacher and student see in the first training batch of the last stage.

    Args:
        config: ConfigDict of a run.
        path: PNG file to write.
        workdir: folder of the run, which may hold its plan; or None.

    Returns:
        the path.

    Raises:
        ValueError: a network makes the images, or see `keras_kd.data.preview`.
    """
    experiment = Experiment(settled(config, workdir, keep=False))
    stage, sides = experiment.last, sides_of(experiment.config, experiment.last)
    pool = experiment.streams.pools.of(stage)
    if not pool.has_images:
        raise ValueError(
            f"--preview draws images of the data. Received: the stage {stage.name!r}, whose "
            "student sees what a network makes. Train it: its report shows them."
        )
    return data.preview(
        pool.source,
        pool.split,
        seen_in(experiment.config, stage),
        sides.student,
        path,
        teacher_resolution=sides.teacher,
        batch_size=experiment.config.batch_size,
        seed=experiment.config.seed,
        resize=experiment.config.data.resize,
    )
