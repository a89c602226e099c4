"""Builds all of a run once before it begins, so that a mistake shows before hours of training."""

from keras_kd.distillation.kd_model import KDModel
from keras_kd.run import networks
from keras_kd.run.sources import classes_of
from keras_kd.run.targets import check_targets
from keras_kd.training.lengths import make_optimizer, steps_to_keep


def rehearse(experiment):
    """Refuses what a later stage would refuse.

    Args:
        experiment: a `keras_kd.run.Experiment`.

    Raises:
        ValueError: a network, a method, a tap, a schedule or a mode that cannot be.
    """
    learners = {}
    for stage in experiment.stages:
        teacher = _teacher(experiment, stage, learners)
        network, methods = experiment.learner(stage, teacher, learned=learners)
        further = experiment.further_learners(stage, learners)
        weight, classes = stage.settings.label_weight, classes_of(stage, experiment.source)
        KDModel(network, teacher, methods, weight, further, label_classes=classes)
        for method in methods:
            method.check_examples(experiment.streams.pools.of(stage).examples.ids)
        if stage.teachers:
            # A teacher that has yet to learn is compared when it has, see `compare_targets`.
            known = experiment.has_its_teachers(stage)
            check_targets(experiment, stage, teacher if known else None)
        learners |= {**further, stage.name: network}
    for stage in experiment.stages:
        try:
            make_optimizer(stage.settings, experiment.lengths_of(stage))
        except ValueError as error:
            raise ValueError(f"config.{stage.path}: {error}") from error
    last = experiment.last
    lengths = experiment.lengths_of(last)
    steps_to_keep(experiment.config.checkpoint.keep_at, last.settings, lengths)


def compare_targets(experiment, learned):
    """Refuses stored targets of another teacher than the one that has just learned.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        learned: name of the stage that trained it.

    Raises:
        ValueError: as `keras_kd.run.targets.check_targets`.
    """
    for stage in experiment.stages:
        follows = any(teacher.stage == learned for teacher in stage.teachers)
        if follows and experiment.has_its_teachers(stage):
            check_targets(experiment, stage, experiment.teacher(stage))


def _teacher(experiment, stage, learners):
    """A stage's teacher before it has learned; copies in an ensemble, which freezes its members."""
    if len(stage.teachers) < 2:
        return experiment.teacher(stage, learners)
    known = {one.name: one for one in experiment.stages}
    copies = {
        teacher.learned: networks.build(
            experiment.config,
            teacher.network,
            experiment.source,
            known[teacher.stage].settings.seed,
            classes=classes_of(known[teacher.stage], experiment.source),
        )
        for teacher in stage.teachers
        if teacher.stage
    }
    return experiment.teacher(stage, copies)
