"""The methods of a run, and the targets computed before that they can learn from."""

import os
import time
from pathlib import Path

import numpy as np

from keras_kd import methods
from keras_kd.config.views import views_of
from keras_kd.distribution import strategies
from keras_kd.teachers import FixedTargets, fixed_targets
from keras_kd.teachers.cache import fingerprint as cache_fingerprint
from keras_kd.teachers.cache.store import TeacherCache
from keras_kd.teachers.cache.stream import CachedTargets
from keras_kd.teachers.fixed.check import check_fixed, check_started
from keras_kd.utils.files import check_writable


def chosen_methods(config):
    """New objects of the methods that the config names."""
    return [methods.get(name, **kwargs) for name, kwargs in config.distil.methods.items()]


def open_targets(config, streams, teacher=None):
    """The targets that keras-kd-teach computed, or None where the config names none.

    Args:
        config: the run's config.
        streams: the run's `Streams`.
        teacher: the run's teacher, or None while it is not known.

    Raises:
        ValueError: no cache, or one of another teacher, other data, views, seed or batch size, or
            one that keeps too little for the methods.
    """
    if not config.teacher_cache:
        return None
    cache = TeacherCache(config.teacher_cache)
    check_kept(config, cache.layout.top_k)
    images, expected = streams.taught(config.distil)
    expected |= {} if teacher is None else cache_fingerprint.of_teacher(teacher)
    cache.check(
        expected,
        "Fill another folder with keras-kd-teach, or leave config.teacher_cache empty.",
    )
    targets = CachedTargets(cache, config.steps_per_execution)
    if teacher is not None:
        targets.spot_check(images, lambda batch: teacher(batch, training=False))
    return targets


def check_kept(config, top_k):
    """Refuses targets of the `top_k` largest classes (0: all) for methods that need the logits."""
    for method in chosen_methods(config) if top_k else ():
        if method.needs_raw_logits:
            raise ValueError(
                "A cache of the largest classes holds probabilities, and the method "
                f"{method.name!r} needs the logits themselves. Received: top_k={top_k}. Fill a "
                "folder with keras-kd-teach --top_k=0, or choose a method such as soft_targets."
            )


def check_targets(config, workdir, streams, teacher=None):
    """Refuses stored targets that this run could not use, before what would be trained in vain.

    Args:
        config: the run's config.
        workdir: its `Workdir`.
        streams: its `Streams`.
        teacher: its teacher, or None while it is not known.

    Raises:
        ValueError: as `open_targets` and `keras_kd.teachers.fixed_targets`.
        OSError: fixed targets are to be computed, and their folder cannot be written.
    """
    open_targets(config, streams, teacher)
    if not _is_fixed(config):
        return
    path, views = _fixed_file(config, workdir), streams.fixed_views(config.distil)
    if not path.exists():
        check_started(path, views, _views_at_once(config, streams), teacher)
        if workdir.writes:
            _check_folder(config, path.parent)
    if path.exists():  # also one that another run has just computed
        check_fixed(path, views, teacher)


def get_targets(config, workdir, streams, teacher, compiled, progress=lambda line: None):
    """The targets that the distillation reads: cached, fixed, or None where the teacher runs.

    Fixed ones are computed here unless a file holds them.

    Args:
        config: the run's config.
        workdir: its `Workdir`.
        streams: its `Streams`.
        teacher: its teacher.
        compiled: the same, as `keras_kd.teachers.freeze` gives it.
        progress: function that is told, line by line, what happens.

    Returns:
        `CachedTargets`, `keras_kd.teachers.FixedTargets` or None.

    Raises:
        ValueError: targets of something else.
        OSError: a file cannot be written.
    """
    if not _is_fixed(config):
        # The teacher was compared before the first stage that follows it, see `check_targets`.
        return open_targets(config, streams)
    path, views = _fixed_file(config, workdir), streams.fixed_views(config.distil)
    with strategies.chief_first(streams.strategy):  # the others read what it computed
        if not workdir.writes:
            _await(path)
        return fixed_targets(teacher, views, path, _views_at_once(config, streams), compiled)


def stand_in(config, streams):
    """Fixed targets that say nothing but cost the same, or None in other modes."""
    if not _is_fixed(config):
        return None
    views = streams.fixed_views(config.distil)
    zeros = np.zeros((views.num_examples, streams.source.num_classes), np.float32)
    return FixedTargets(views.examples.ids, zeros)


def _is_fixed(config):
    return views_of(config, config.distil).fixed is not None


def _fixed_file(config, workdir):
    folder = Path(config.fixed_targets or workdir / "targets")
    return folder / f"{config.distil.mode.replace('/', '_')}.npz"


def _views_at_once(config, streams):
    return config.batch_size // streams.strategy.num_replicas_in_sync


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
