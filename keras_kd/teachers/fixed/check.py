"""Whether stored fixed targets are those of a run: their files against what they depend on."""

import hashlib

import numpy as np
import tensorflow as tf

from keras_kd.models.hub import run_once
from keras_kd.teachers import spot_check
from keras_kd.teachers.cache.fingerprint import of_data, of_teacher
from keras_kd.teachers.fixed.files import read


def check_fixed(path, views, teacher=None):
    """Refuses a file whose targets are not those of this teacher, these examples and views.

    Args:
        path: the `.npz` file.
        views: `keras_kd.data.FixedViews`.
        teacher: Keras model, or None while it is not known.

    Returns:
        dict of the file's arrays.

    Raises:
        ValueError: what is wrong, and what to do.
    """
    stored = read(path, fingerprint(views, teacher))
    # The teacher's classes need not be those of the images: its own answers show them.
    rows = (views.num_examples, stored["probe"].shape[-1])
    if stored["targets"].shape != rows or not np.array_equal(stored["ids"], views.examples.ids):
        raise ValueError(
            f"The fixed targets in {path} must be a row of {rows[1]} classes for each of "
            f"{rows[0]} examples. Received: targets of shape {stored['targets'].shape}. Delete "
            "the file, and it is computed again."
        )
    if teacher is not None:
        _spot_check(path, stored["probe"], views, teacher)
    return stored


def check_started(path, views, batch_size, teacher=None):
    """Refuses what an earlier computation left, where this one could not go on from it.

    Args:
        path: the `.npz` file that is to be computed.
        views: `keras_kd.data.FixedViews`.
        batch_size: views that the teacher sees at once; those of another size are computed anew.
        teacher: Keras model, or None while it is not known.

    Returns:
        dict of the partial file's arrays; None where there is none, or it is not gone on from.

    Raises:
        ValueError: a partial file that is damaged, or of another teacher, other data or views.
    """
    partial = partial_of(path)
    if not partial.exists():
        return None
    try:
        started = read(partial, fingerprint(views, teacher), batch_size)
    except ValueError:
        if partial.exists():
            raise
        return None  # another process has come to its end just now
    if started is not None and teacher is not None:
        _spot_check(partial, started["probe"], views, teacher)
    return started


def partial_of(path):
    """The file of what was computed before a computation of `path` was stopped."""
    return path.with_suffix(".partial.npz")


def fingerprint(views, teacher=None):
    """What fixed targets depend on, a flat dict: examples, their order, views, and the teacher.

    Args:
        views: `keras_kd.data.FixedViews`.
        teacher: Keras model, or None while it is not known.
    """
    order = np.ascontiguousarray(views.examples.ids, np.int64).tobytes()
    fields = of_data(views.source, views.split) | views.describe()
    fields["data.order"] = hashlib.sha256(order).hexdigest()[:16]
    return fields | ({} if teacher is None else of_teacher(teacher))


def probed(views):
    """The first view of the first examples, by which a file is compared with the live teacher."""
    return views.at(np.arange(min(spot_check.ROWS, views.num_examples)))


def _spot_check(path, probe, views, teacher):
    """Another version of the augmentation only shows in what the teacher says about the views."""
    live = run_once(lambda images: teacher(images, training=False), probed(views))
    spot_check.check_gap(
        spot_check.gap(probe, tf.cast(live, tf.float32)),
        f"The fixed targets in {path} have the settings of this run, but are something else:",
        "The toolkit's version or how it reads images has changed. Delete the file, and it is "
        "computed again.",
    )
