"""The door: a teacher that was loaded shows what it knows before anything learns from it.

It is evaluated on labelled images. One that is right no more often than chance, or that would be
right under another order of its classes or with other pixel values, stops the run, with what would
mend it.
"""

import logging

from keras_kd.evaluation.chance import is_out_of_order, verdict
from keras_kd.run.remedies import NOTABLE, better_reading, remedies
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
            order, or that is right more often with other pixel values where nothing told which it
            expects, unless its section says `accept`; names what was tried, and what to write.
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
    teacher = shown.teacher
    labels, answers = shown.look()
    for index, (member, given) in enumerate(answers):
        name = f"{member} of {teacher.handle}" if member else teacher.handle
        found = verdict(labels, given)
        logger.info(
            f"The teacher {name} is right on {percent(found.share, 1)} of {found.count:,} images "
            f"of split '{shown.split}' ({duration(shown.seconds)})"
        )
        if not member and len(answers) > 1:
            continue  # each member for itself
        if not found.better and not found.decidable:
            logger.info("That may be chance: they are too few to tell.")
            continue
        fault = _fault(shown, index, labels, given, found)
        if not fault:
            continue
        if shown.section.get("accept", False):
            logger.info(f"It teaches all the same, as config.{teacher.network}.accept says.")
            continue
        raise ValueError(
            "A teacher must know the classes of the data. Received: "
            f"{name}, which is right on {percent(found.share, 1)} of {found.count:,} images of "
            f"split '{shown.split}', {fault}. Nothing was trained. {remedies(shown, index)}"
        )


def _fault(shown, member, labels, given, found):
    """What is wrong with the answers that a teacher gave, as words; empty: nothing."""
    if not found.better:
        return f"no more than chance would be, {percent(found.chance, 1)}"
    if is_out_of_order(labels, given, shown.experiment.source.num_classes):
        return "fewer than it would be under another order of its classes"
    told = any(shown.section.get(key) for key in ("input_range", "normalization", "accept"))
    if told or not shown.assumed or found.share > 1 - NOTABLE:
        return ""
    other = better_reading(shown, member, given)
    return f"fewer than with {other.words}, {percent(other.share, 1)}" if other else ""
