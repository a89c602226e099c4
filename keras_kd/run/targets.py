"""Targets that were computed before: what the stages of a run learn from instead of a teacher."""

import functools
import os
import time
from pathlib import Path

import numpy as np

from keras_kd.config.training import methods_of
from keras_kd.config.views import views_of
from keras_kd.distillation import seeds
from keras_kd.distillation.networks import Network
from keras_kd.distribution import strategies
from keras_kd.teachers import FixedTargets, fixed_targets
from keras_kd.teachers.cache import fingerprint as cache_fingerprint
from keras_kd.teachers.cache.store import TeacherCache
from keras_kd.teachers.cache.stream import CachedTargets
from keras_kd.teachers.fixed.check import check_fixed, check_started
from keras_kd.training.stage import seed_of
from keras_kd.utils.files import check_writable


def open_targets(experiment, stage, teacher=None):
    """The targets that keras-kd-teach computed, or None where the config names none.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        stage: its stage that would read them; a cache belongs to the last one.
        teacher: whom the stage follows, or None while it is not known.

    Raises:
        ValueError: no cache, or one of another teacher, other data, views, seed or batch size, or
            one that keeps too little for the methods.
    """
    config = experiment.config
    if not config.teacher_cache or stage.name != experiment.last.name:
        return None
    cache = TeacherCache(config.teacher_cache)
    check_kept(stage, cache.layout.top_k)
    asked, expected = experiment.streams.asked(stage)
    expected |= {} if teacher is None else cache_fingerprint.of_teacher(teacher)
    cache.check(
        expected,
        "Fill another folder with keras-kd-teach, or leave config.teacher_cache empty.",
    )
    targets = CachedTargets(cache, config.steps_per_execution)
    if teacher is not None:
        targets.spot_check(asked, answering(config, stage, teacher))
    return targets


def answering(config, stage, teacher):
    """A function of what `Streams.asked` gives to the logits that a stage's student would see.

    Args:
        config: the run's config.
        stage: its stage.
        teacher: whom it follows, a Keras model or what `keras_kd.teachers.freeze` made of it.
    """
    network, seed = Network("teacher", teacher), seed_of(stage.name, config.seed)

    def answer(batch):
        key = functools.partial(seeds.of_network, seed, "teacher", batch["step"])
        return network.answer(batch, key)["logits"]

    return answer


def check_kept(stage, top_k):
    """Refuses targets of the `top_k` largest classes (0: all) for methods that need the logits."""
    for method in methods_of(stage.settings) if top_k else ():
        if method.needs_raw_logits:
            raise ValueError(
                "A cache of the largest classes holds probabilities, and the method "
                f"{method.name!r} needs the logits themselves. Received: top_k={top_k}. Fill a "
                "folder with keras-kd-teach --top_k=0, or choose a method such as soft_targets."
            )


def check_targets(experiment, stage, teacher=None):
    """Refuses stored targets that a stage could not use, before what would be trained in vain.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        stage: its stage that would read them.
        teacher: whom the stage follows, or None while it is not known.

    Raises:
        ValueError: as `open_targets` and `keras_kd.teachers.fixed_targets`.
        OSError: fixed targets are to be computed, and their folder cannot be written.
    """
    open_targets(experiment, stage, teacher)
    if not is_fixed(experiment.config, stage):
        return
    path, views = _fixed_file(experiment, stage), experiment.streams.fixed_views(stage)
    if not path.exists():
        check_started(path, views, _views_at_once(experiment), teacher)
        if experiment.writes:
            _check_folder(experiment.config, path.parent)
    if path.exists():  # also one that another run has just computed
        check_fixed(path, views, teacher)


def get_targets(experiment, stage, teacher, compiled):
    """The targets that a stage reads: cached, fixed, or None where the teacher runs.

    Fixed ones are computed here unless a file holds them.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        stage: one of its stages.
        teacher: whom it follows.
        compiled: the same, as `keras_kd.teachers.freeze` gives it.

    Returns:
        `CachedTargets`, `keras_kd.teachers.FixedTargets` or None.

    Raises:
        ValueError: targets of something else.
        OSError: a file cannot be written.
    """
    if not is_fixed(experiment.config, stage):
        # The teacher was compared before the first stage that follows it, see `check_targets`.
        return open_targets(experiment, stage)
    path, views = _fixed_file(experiment, stage), experiment.streams.fixed_views(stage)
    with strategies.chief_first(experiment.strategy):  # the others read what it computed
        if not experiment.writes:
            _await(path)
        return fixed_targets(teacher, views, path, _views_at_once(experiment), compiled)


def stand_in(experiment, stage):
    """Fixed targets that say nothing but cost the same, or None in other modes."""
    if not is_fixed(experiment.config, stage):
        return None
    views = experiment.streams.fixed_views(stage)
    zeros = np.zeros((views.num_examples, experiment.source.num_classes), np.float32)
    return FixedTargets(views.examples.ids, zeros)


def is_fixed(config, stage):
    """Whether a stage's targets belong to its examples: its teacher has no say in a step."""
    return bool(stage.teachers) and views_of(config, stage.settings).fixed is not None


def _fixed_file(experiment, stage):
    folder = Path(experiment.config.fixed_targets or experiment.path / "targets")
    own = "" if stage.name == experiment.last.name else f"{stage.name}_"
    return folder / f"{own}{stage.settings.mode.replace('/', '_')}.npz"


def _views_at_once(experiment):
    return experiment.config.batch_size // experiment.strategy.num_replicas_in_sync


def _check_folder(config, folder):
    """Makes the folder of the fixed targets; one that cannot be written is refused by its key."""
    try:
        check_writable(folder)
    except OSError as error:
        received = (
            f"config.fixed_targets={config.fixed_targets}"
            if config.fixed_targets
            else f"{folder} of the --workdir"
        )
        raise OSError(
            error.errno,
            "The fixed targets need a folder that can be made and written. Received: "
            f"{received} ({os.strerror(error.errno)}). Make it so, or give another "
            f"{'config.fixed_targets' if config.fixed_targets else '--workdir'}",
        ) from error


def _await(path):
    """A shared file system may tell late what was written just now."""
    for _ in range(strategies.LOOKS):
        if path.exists():
            return
        time.sleep(1)
    raise ValueError(
        f"All workers must see the targets that the chief computed. Received: {path}, which is not "
        "there. Give a --workdir or config.fixed_targets on a file system that all share."
    )
