"""Batches for training and evaluation: a batch is a pure function of (seed, step).

    steps -> plan (which rows, boxes, flips; fetch their bytes) -> groups of rows
          -> decode, flip, resize, mixup -> batch

Everything random is drawn in `plan`, for the whole global batch at once; nothing after the plan
draws or counts anything.
"""

import tensorflow as tf

from keras_kd.data import assembly, mixup, ops, views
from keras_kd.data.assembly import check_whole
from keras_kd.data.random_streams import epoch_positions
from keras_kd.data.sources import load_source

_LAST_STEP = 2**62  # the end of an endless stream


def build_dataset(
    source,
    split,
    mode,
    batch_size,
    resolution,
    seed=0,
    start_step=0,
    *,
    teacher_resolution=None,
    teacher_view=True,
    flip=True,
    crop_area=(0.05, 1.0),
    crop_aspect=(3 / 4, 4 / 3),
    rc_scale=8 / 7,
    one_hot=False,
    mixup_alpha=1.0,
    with_ids=False,
    worker_index=0,
    num_workers=1,
    num_steps=None,
    by_step=False,
):
    """An endless stream of shuffled, augmented batches for a teaching mode.

    A batch depends on (seed, step) alone: `start_step=k` gives what `.skip(k)` would, at no cost,
    in any process. Each epoch is a permutation of the split, and epochs follow one another without
    a gap, so a batch may hold the end of one and the beginning of the next. Boxes and coefficients
    belong to the global batch; worker w of n gets rows `[w * B / n, (w + 1) * B / n)` of it.

    Args:
        source: a `Source`, or a name for `load_source`.
        split: split expression, such as `train[:90%]`.
        mode: a teaching mode, see `keras_kd.data.views.MODES`. A batch of a mode `fix/*` shows the
            student's view only: `keras_kd.teachers.FixedTargets.join` adds what the teacher said.
        batch_size: size B of the global batch, at most the number of examples.
        resolution: side of the student's images in pixels.
        seed: int.
        start_step: first step of the stream, at least 0.
        teacher_resolution: side of the teacher's images; the student's where None.
        teacher_view: whether the batch holds images for the teacher; without them, as for targets
            that were computed before, x shows what the student sees and nothing else.
        flip: whether half of the images are mirrored; off where left and right have a meaning.
        crop_area: bounds of the area of an inception crop, fractions in (0, 1].
        crop_aspect: bounds of its width over height.
        rc_scale: resized short side over the side of a random crop, at least 1.
        one_hot: whether labels are float32 `[B, K]`, mixed like the images, rather than int32.
        mixup_alpha: Beta(alpha, alpha) of the mixing coefficient, positive; 1 is uniform.
        with_ids: whether x carries `id`, int64 `[B]`, the example's index in its source.
        worker_index: which part of the global batch this worker gets, in [0, num_workers).
        num_workers: number of workers; must divide the batch size.
        num_steps: number of batches this stream yields, counted from `start_step`; endless where
            None.
        by_step: whether elements are `(step, (x, y))`, each made by itself, so that the workers of
            a tf.data service can share out the steps. See `keras_kd.data.service`.

    Returns:
        `tf.data.Dataset` of `(x, y)`. x is float32 `[B / n, L, L, C]` in [-1, 1] where teacher and
        student see the same tensor, else a dict of `student` and `teacher`, under `fix/*` of
        `student` alone; with ids a dict of `image` (or these) and `id`. y is int32 `[B / n]`, under
        `mix` the label of the heavier image, or one-hot.

    Raises:
        ValueError: if an argument is out of its range, or the data cannot be used.
    """
    row = views.find_mode(mode)
    settings = views.ViewSettings(flip, crop_area, crop_aspect, rc_scale)
    _check_counts(batch_size, resolution, teacher_resolution, start_step, num_steps)
    rows = _worker_rows(batch_size, worker_index, num_workers, row.mixup)
    if row.mixup:
        mixup.mixup_coefficient(seed, 0, mixup_alpha)  # Refuse a bad alpha here, not in a graph.
    source = load_source(source)
    examples = source.split(split)
    if batch_size > examples.num_examples:
        raise ValueError(
            f"A batch must not be larger than the data: {source.name}, split {split!r} holds "
            f"{examples.num_examples} readable images. Received: batch_size={batch_size}. "
            "Lower it or take a larger split."
        )

    def plan(step):
        ranks = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        positions = epoch_positions(ranks, examples.num_examples, seed)
        sizes = tf.gather(examples.sizes, positions)
        planned = {
            "position": positions,
            "views": views.draw_views(row, sizes, seed, step, settings),
        }
        if row.mixup:
            coefficient = mixup.mixup_coefficient(seed, step, mixup_alpha)
            planned["coefficient"] = tf.repeat(coefficient, batch_size)
        return planned

    if row.fixed is not None:
        # Not `image`: a live teacher would take it for its own view.
        outputs = {"student": ("student", resolution)}
    elif teacher_view:
        outputs = assembly.views_wanted(resolution, teacher_resolution, row.teacher is not None)
    else:
        outputs = assembly.views_wanted(resolution, None, own_teacher_view=False)
    # A range, not a counter: it is what a service can split.
    steps = tf.data.Dataset.range(start_step, _LAST_STEP)
    if num_steps is not None:
        steps = steps.take(num_steps)
    groups, ring = assembly.group_rows(rows, batch_size, row.mixup)
    num_classes = source.num_classes if one_hot else None
    decode = assembly.decoder(examples, outputs, flip, row.mixup, ring, num_classes, with_ids)
    cardinality = tf.data.INFINITE_CARDINALITY if num_steps is None else num_steps
    if not by_step:
        data = assembly.batches(steps, plan, examples, groups, decode, len(rows))
        return assembly.finished(data, cardinality)

    def one(step):
        step = tf.data.Dataset.from_tensors(step)
        data = assembly.batches(step, plan, examples, groups, decode, len(rows))
        return tf.data.Dataset.zip(step, data)

    return assembly.finished(steps.interleave(one, 2, num_parallel_calls=2), cardinality)


def evaluation_dataset(
    source,
    split,
    batch_size,
    resolution,
    *,
    teacher_resolution=None,
    with_ids=False,
    full_image=False,
    scale=8 / 7,
    fill_to=0,
):
    """Every example of a split once, in order, without anything random.

    Each image shows what "short side to scale * L, then the central L x L" shows; it is done as a
    central box of `1 / scale` of the short side, resized once to L.

    Args:
        source: a `Source`, or a name for `load_source`.
        split: split expression.
        batch_size: the last batch may be smaller.
        resolution: side of the student's images in pixels.
        teacher_resolution: side of the teacher's images; the student's where None.
        with_ids: whether x carries `id`, int64 `[B]`.
        full_image: whether the whole image is resized, whatever its shape, where nothing may be
            cut off; `scale` says nothing then.
        scale: resized short side over the side of the central crop, at least 1: 256 / 224 or
            160 / 128 in Beyer et al. 2021, arXiv:2106.05237.
        fill_to: N > 0, where no shape may be open: all batches are whole, and as many as N divides.

    Returns:
        `tf.data.Dataset` of `(x, y)` as from `build_dataset`, y int32 `[B]`. Filled up, it is of
        `(x, y, sample_weight)`: 0 for what fills up, and else the number of rows over that of
        examples, so that the means over rows and the weighted means are those of the examples.

    Raises:
        ValueError: if an argument is out of its range, or the data cannot be used.
    """
    _check_counts(batch_size, resolution, teacher_resolution)
    ops.check_scale("scale", scale)
    source = load_source(source)
    examples = source.split(split)
    count = examples.num_examples
    batch_size = min(batch_size, count)
    num_batches = -(-count // batch_size)
    if fill_to:
        check_whole("fill_to", fill_to, 1)
        num_batches = -(-num_batches // fill_to) * fill_to

    def plan(step):
        # The last batch is filled with its last example, which is cut off again.
        positions = tf.minimum(step * batch_size + tf.range(batch_size, dtype=tf.int64), count - 1)
        sizes = tf.gather(examples.sizes, positions)
        boxes = ops.full_boxes(sizes) if full_image else ops.central_boxes(sizes, scale)
        return {
            "position": positions,
            "views": {"student": (boxes, tf.zeros_like(positions, tf.bool))},
        }

    outputs = assembly.views_wanted(resolution, teacher_resolution, own_teacher_view=False)
    groups, _ = assembly.group_rows(range(batch_size), batch_size, mixed=False)
    decode = assembly.decoder(examples, outputs, False, False, False, None, with_ids)
    steps = tf.data.Dataset.range(num_batches)
    data = assembly.batches(steps, plan, examples, groups, decode, batch_size)
    if fill_to:
        rows = num_batches * batch_size

        def weigh(step, batch):
            row = step * batch_size + tf.range(batch_size, dtype=tf.int64)
            return *batch, tf.where(row < count, rows / count, 0.0)

        data = assembly.map_parallel(tf.data.Dataset.zip(steps, data), weigh)
    elif count % batch_size:

        def cut(step, batch):
            valid = tf.minimum(count - step * batch_size, batch_size)
            return tf.nest.map_structure(lambda value: value[:valid], batch)

        data = assembly.map_parallel(tf.data.Dataset.zip(steps, data), cut)
    return assembly.finished(data, num_batches)


def _check_counts(batch_size, resolution, teacher_resolution, start_step=0, num_steps=None):
    check_whole("batch_size", batch_size, 1)
    check_whole("resolution", resolution, 1)
    check_whole("start_step", start_step, 0)
    if teacher_resolution is not None:
        check_whole("teacher_resolution", teacher_resolution, 1)
    if num_steps is not None:
        check_whole("num_steps", num_steps, 1)


def _worker_rows(batch_size, worker_index, num_workers, mixed):
    """Rows of the global batch that a worker's share of it consists of."""
    check_whole("num_workers", num_workers, 1)
    check_whole("worker_index", worker_index, 0)
    if worker_index >= num_workers:
        raise ValueError(
            f"worker_index must lie in [0, {num_workers}), the number of workers. "
            f"Received: worker_index={worker_index!r}"
        )
    if batch_size % num_workers:
        raise ValueError(
            "The global batch must divide evenly over the workers. Received: "
            f"batch_size={batch_size}, num_workers={num_workers}. Take a multiple of {num_workers}."
        )
    if mixed and batch_size < 2:
        raise ValueError(
            f"Mode 'mix' needs at least two images to mix. Received: batch_size={batch_size}"
        )
    share = batch_size // num_workers
    return range(worker_index * share, (worker_index + 1) * share)
