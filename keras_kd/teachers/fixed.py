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

import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_kd.models.hub import run_once
from keras_kd.teachers import cache_fingerprint
from keras_kd.teachers.cache_claims import alone
from keras_kd.teachers.cache_stream import SPOT_GAP, SPOT_ROWS
from keras_kd.teachers.fixed_average import Average, compute
from keras_kd.teachers.fixed_files import read, write
from keras_kd.teachers.fixed_join import FixedTargets


def fixed_targets(
    teacher,
    views,
    path,
    batch_size=64,
    compiled=None,
    progress=lambda line: None,
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
        progress: function that is told, line by line, what happens.
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
        with alone(path.parent, progress):
            if not path.exists():  # another process may have made it meanwhile
                _fill(teacher, compiled or teacher, views, path, batch_size, progress, keep_every)
    stored = check_fixed(path, views, teacher)
    return FixedTargets(stored["ids"], stored["targets"])


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
    # The teacher's classes need not be those of the images: its own answers tell them.
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


def fingerprint(views, teacher=None):
    """What fixed targets depend on, a flat dict: examples, their order, views, and the teacher.

    Args:
        views: `keras_kd.data.FixedViews`.
        teacher: Keras model, or None while it is not known.
    """
    order = np.ascontiguousarray(views.examples.ids, np.int64).tobytes()
    fields = cache_fingerprint.of_data(views.source, views.split) | views.describe()
    fields["data.order"] = hashlib.sha256(order).hexdigest()[:16]
    return fields | ({} if teacher is None else cache_fingerprint.of_teacher(teacher))


def _fill(teacher, compiled, views, path, batch_size, progress, keep_every):
    """Computes the file, from where an earlier computation was stopped."""
    partial, meta = path.with_suffix(".partial.npz"), fingerprint(views, teacher)
    if views.row.averaged:
        progress(
            f"The teacher's targets: {views.num_examples:,} images x {views.crops:,} crops, once; "
            f"they will stand in {path}"
        )
    teach = _eager(compiled)
    average = Average(views.num_examples, views.crops)
    # Batches of another size would round otherwise.
    started = read(partial, meta, batch_size) if partial.exists() else None
    if started is None:
        probe = np.asarray(teach(_probed(views)))
    else:
        probe = started["probe"]
        average.go_on_from(started["targets"], started["sum"], int(started["seen"]))
        progress(f"{partial} goes on from {average.seen:,} of {average.total:,} views")

    def keep():
        known = {"probe": probe, "ids": views.examples.ids}
        write(partial, meta, {**known, **average.state()}, batch_size)

    compute(average, views, teach, batch_size, keep, keep_every)
    write(path, meta, {"targets": average.targets, "ids": views.examples.ids, "probe": probe})
    partial.unlink(missing_ok=True)


def _probed(views):
    """The first view of the first examples, by which a file is compared with the live teacher."""
    return views.at(np.arange(min(SPOT_ROWS, views.num_examples)))


def _eager(compiled):
    """Function images -> logits `[B, K]`, which also works in a strategy's scope."""
    strategy = tf.distribute.get_strategy()

    @tf.function
    def step(images):
        outputs = compiled(images, training=False)
        outputs = outputs["logits"] if isinstance(outputs, dict) else outputs
        return tf.cast(outputs, tf.float32)

    if not (tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context()):
        return step
    # A loaded SavedModel's variables exist on replicas only; each of them does the same.
    return lambda x: strategy.experimental_local_results(strategy.run(step, (x,)))[0]


def _spot_check(path, probe, views, teacher):
    """Another version of the augmentation only shows in what the teacher says about the views."""
    live = run_once(lambda images: teacher(images, training=False), _probed(views))
    live = tf.nn.softmax(tf.cast(live, tf.float32)).numpy()
    probe = tf.nn.softmax(probe).numpy()
    if probe.shape == live.shape:
        rows, top = np.arange(len(probe)), probe.argmax(axis=-1)
        gap = float(np.abs(probe[rows, top] - live[rows, top]).mean())
    else:
        gap = 1.0
    if not gap <= SPOT_GAP:
        raise ValueError(
            f"The fixed targets in {path} have the settings of this run, but the teacher says "
            f"something else now: the probability of the likeliest class differs by {gap:.2f} on "
            f"average, where rounding explains {SPOT_GAP}. The toolkit's version or how it "
            "reads images has changed. Delete the file, and it is computed again."
        )
