"""The door: a teacher that was loaded shows what it knows before anything learns from it.

It is evaluated on labelled images. One that is right no more often than chance, or that would be
right under another order of its classes, stops the run, with what would mend it.
"""

import logging

from keras_kd.evaluation.chance import is_out_of_order, verdict
from keras_kd.run.remedies import remedies
from keras_kd.run.shown import Shown
from keras_kd.utils.words import duration, percent

logger = logging.getLogger(__name__)


def check_teachers(experiment):
    """Evaluates the teachers that a run loads, and tells how often each is right.

    Nothing is said, and nobody stopped, where the data have no labels, and where the run has begun:
    its teachers came in before.

    Args:
        experiment: a `keras_kd.run.Experiment`.

    Raises:
        ValueError: a teacher that knows no more than chance, or whose classes stand in another
            order, unless its section says `accept`; names what was tried, and what to write.
    """
    begun = experiment.workdir is not None and experiment.workdir.earlier is not None
    labels = experiment.source.split(experiment.config.data.eval_split).labels
    if begun or min(labels, default=-1) < 0:
        return
    loaded = [one for stage in experiment.stages for one in stage.teachers if one.handle]
    for teacher in dict.fromkeys(loaded):
        _check(Shown(experiment, teacher))


def _check(shown):
    """Evaluates one teacher, and stops the run where it must."""
    teacher, classes = shown.teacher, shown.experiment.source.num_classes
    labels, answers = shown.look()
    for index, (member, given) in enumerate(answers):
        name = f"{member} of {teacher.handle}" if member else teacher.handle
        found = verdict(labels, given)
        logger.info(
            f"The teacher {name} is right on {percent(found.share, 1)} of {found.count:,} images "
            f"of split '{shown.split}' ({duration(shown.seconds)})"
        )
        if found.better and not is_out_of_order(labels, given, classes):
            continue
        if not member and len(answers) > 1:
            continue  # each member for itself
        if not found.better and not found.decidable:
            logger.info("That may be chance: they are too few to tell.")
            continue
        section = shown.experiment.config[teacher.network] if teacher.network else {}
        if section.get("accept", False):
            logger.info(f"It teaches all the same, as config.{teacher.network}.accept says.")
            continue
        what = "fewer than it would be under another order of its classes"
        if not found.better:
            what = f"no more than chance would be, {percent(found.chance, 1)}"
        raise ValueError(
            "A teacher must know the classes of the data. Received: "
            f"{name}, which is right on {percent(found.share, 1)} of {found.count:,} images of "
            f"split '{shown.split}', {what}. Nothing was trained. {remedies(shown, index)}"
        )
