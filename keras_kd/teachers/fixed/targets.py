"""Fixed targets: what a teacher says about each example, once, for the modes `fix/*`.

A file holds one row an example:

    fix_ic_ens.npz           `targets` float32 [N, K], `ids` int64 [N], `probe`, and `meta`
    fix_ic_ens.partial.npz   what was computed before a computation was stopped

`meta` says what the targets depend on (the fingerprint): teacher, examples and their order, views.
A file of anything else is refused, and the difference named. Under `fix/rs` and `fix/cc` a row
holds the teacher's logits; under `fix/ic_ens` the logarithm of its mean probabilities, so that a
softmax at temperature 1 gives that mean; another temperature softens the mean, not each crop's
answer.
"""

import logging
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_kd.models.hub import as_graph
from keras_kd.models.output import logits_of
from keras_kd.teachers.fixed.average import Average, compute
from keras_kd.teachers.fixed.check import (
    check_fixed,
    check_started,
    fingerprint,
    partial_of,
    probed,
)
from keras_kd.teachers.fixed.files import write
from keras_kd.teachers.fixed.join import FixedTargets
from keras_kd.utils.locks import exclusive

_logger = logging.getLogger(__name__)


def fixed_targets(
    teacher,
    views,
    path,
    batch_size=64,
    compiled=None,
    keep_every=30.0,
):
    """A teacher's fixed targets: read where they are stored, else computed and stored.

    Args:
        teacher: Keras model from images to logits `[B, K]`.
        views: `keras_kd.data.FixedViews`, of which the teacher sees every one.
        path: the `.npz` file; its folder is made if missing. Processes that want the same file
            wait for the one that computes it.
        batch_size: views that the teacher sees at once.
        compiled: the same teacher as `keras_kd.teachers.freeze` gives it, which computes.
        keep_every: seconds between two writes of what is computed so far, at the least.

    Returns:
        `FixedTargets`.

    Raises:
        ValueError: a file of another teacher, other data or views, a damaged one, targets that the
            teacher does not give (any more), or logits that are not finite.
        OSError: the file cannot be written.
    """
    path = Path(path)
    if not path.exists():
        with exclusive(path.parent):
            if not path.exists():  # another process may have made it meanwhile
                _fill(teacher, compiled or teacher, views, path, batch_size, keep_every)
    stored = check_fixed(path, views, teacher)
    return FixedTargets(stored["ids"], stored["targets"])


def _fill(teacher, compiled, views, path, batch_size, keep_every):
    """Computes the file, from where an earlier computation was stopped."""
    partial, meta = partial_of(path), fingerprint(views, teacher)
    if views.averaged:
        _logger.info(
            "The teacher's targets: %s images x %s crops, once; they will stand in %s",
            f"{views.num_examples:,}",
            f"{views.crops:,}",
            path,
        )
    teach = as_graph(
        lambda images: tf.cast(logits_of(compiled(images, training=False)), tf.float32),
        reduce_retracing=False,  # batches of another size would round otherwise
    )
    average = Average(views.num_examples, views.crops)
    # Batches of another size would round otherwise.
    started = check_started(path, views, batch_size, teacher)
    if started is None:
        probe = np.asarray(teach(probed(views)))
    else:
        probe = started["probe"]
        average.go_on_from(started["targets"], started["sum"], int(started["seen"]))
        seen, total = f"{average.seen:,}", f"{average.total:,}"
        _logger.info("%s goes on from %s of %s views", partial, seen, total)

    def keep():
        known = {"probe": probe, "ids": views.examples.ids}
        write(partial, meta, {**known, **average.state()}, batch_size)

    compute(average, views, teach, batch_size, keep, keep_every)
    write(path, meta, {"targets": average.targets, "ids": views.examples.ids, "probe": probe})
    partial.unlink(missing_ok=True)
