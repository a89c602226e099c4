"""Batches for training: a batch is a pure function of (seed, step).

    steps -> plan (which rows, boxes, flips; fetch their bytes) -> groups of rows
          -> decode, flip, resize, mix -> batch

Everything random is drawn in `plan`, for the whole global batch at once; nothing after the plan
draws or counts anything.
"""

import dataclasses

import tensorflow as tf

from keras_kd.data import assembly, modes
from keras_kd.data.decode import decoder
from keras_kd.data.ids_only import id_batches
from keras_kd.data.random_streams import batch_ranks, epoch_positions
from keras_kd.data.resize import MIXED, draw_kernels
from keras_kd.data.share import Share, split_options
from keras_kd.data.sources import load_source
from keras_kd.data.views import Views

_LAST_STEP = 2**62  # the end of an endless stream


def build_dataset(source, split, mode, batch_size, resolution, seed=0, start_step=0, **options):
    """An endless stream of shuffled, augmented batches for a teaching mode.

    A batch depends on (seed, step) alone: `start_step=k` gives what `.skip(k)` would, at no cost,
    in any process. Each epoch is a permutation of the split, and epochs follow one another without
    a gap, so a batch may hold the end of one and the beginning of the next. Boxes and coefficients
    belong to the global batch; worker w of n gets rows `[w * B / n, (w + 1) * B / n)` of it.

    Args:
        source: a `Source`, or a name for `load_source`.
        split: split expression, such as `train[:90%]`.
        mode: a teaching mode, see `keras_kd.data.modes.MODES`; or the views themselves: a `Views`,
            the text of a view that both share, such as `inception_crop(0.05,1)|flip`, or a dict of
            texts with `student`, and `teacher` and `mix` where wanted. A batch of a mode `fix/*`
            shows the student's view only: `keras_kd.teachers.FixedTargets.join` adds what the
            teacher said.
        batch_size: size B of the global batch, at most the number of examples.
        resolution: side of the student's images in pixels.
        seed: int.
        start_step: first step of the stream, at least 0.
        **options: of a mode, how strong its views are: `flip`, `crop_area`, `crop_aspect`,
            `rc_scale`, `mixup_alpha`, see `Views.of_mode`. And which batches, and which part of
            them: `teacher_resolution`, `teacher_view`, `one_hot`, `with_ids`, `worker_index`,
            `num_workers`, `num_steps`, `resize`, `repeats`, `by_step`, see
            `keras_kd.data.share.Share`.

    Returns:
        `tf.data.Dataset` of `(x, y)`. x is float32 `[B / n, L, L, C]` in [-1, 1] where teacher and
        student see the same tensor, else a dict of `student` and `teacher`, under `fix/*` of
        `student` alone; with ids a dict of `image` (or these) and `id`. y is int32 `[B / n]`, under
        `mix` the label of the heavier image, or one-hot.

    Raises:
        ValueError: if an argument is unknown or out of its range, or the data cannot be used.
    """
    views, share = understood(mode, batch_size, resolution, seed, start_step, **options)
    return training_batches(load_source(source), split, views, share)


def understood(mode, batch_size, resolution, seed=0, start_step=0, **options):
    """The `Views` and the `Share` that arguments of `build_dataset` mean.

    Raises:
        ValueError: as `build_dataset`.
    """
    fields = [field.name for field in dataclasses.fields(Share)]
    of_views, of_share = split_options(options, modes.DEFAULTS, fields)
    views = Views.of(mode, **of_views)
    share = Share(batch_size, resolution, seed, start_step, **of_share)
    if views.mixes and batch_size < 2:
        raise ValueError(
            "What stands under 'mix' needs at least two images to mix. Received: "
            f"batch_size={batch_size}, mix={str(views.mix)!r}"
        )
    return views, share


def training_batches(source, split, views, share):
    """As `build_dataset`, of what its arguments mean.

    Args:
        source: a `Source`.
        split: split expression.
        views: a `Views`.
        share: a `Share`.

    Raises:
        ValueError: a batch larger than the data, or an unknown split.
    """
    examples = source.split(split)
    batch_size = share.batch_size
    if batch_size > examples.num_examples:
        raise ValueError(
            f"A batch must not be larger than the data: {source.name}, split {split!r} holds "
            f"{examples.num_examples} readable images. Received: batch_size={batch_size}. "
            "Lower it or take a larger split."
        )

    # A range, not a counter: it is what a service can split.
    steps = tf.data.Dataset.range(share.start_step, _LAST_STEP)
    cardinality = tf.data.INFINITE_CARDINALITY
    if share.num_steps is not None:
        steps, cardinality = steps.take(share.num_steps), share.num_steps

    if examples.store is None:
        return assembly.finished(id_batches(steps, examples, share), cardinality)

    def plan(step):
        ranks = batch_ranks(step, batch_size, share.repeats)
        positions = epoch_positions(ranks, examples.num_examples, share.seed)
        sizes = tf.gather(examples.sizes, positions)
        planned = {"position": positions, "views": views.draw(sizes, share.seed, step)}
        if share.resize == MIXED:
            planned["kernel"] = draw_kernels(batch_size, share.seed, step)
        if views.mixes:
            drawn = views.draw_mix(share.seed, step)
            repeat = lambda v: tf.repeat(v[tf.newaxis], batch_size, axis=0)  # noqa: E731
            planned["mix"] = tf.nest.map_structure(repeat, drawn)
        return planned

    groups, ring = assembly.group_rows(share.rows, batch_size, views.mixes)
    num_classes = source.num_classes if share.one_hot else None
    decode = decoder(
        examples, views, share.outputs(views), ring, num_classes, share.with_ids, share.resize
    )

    def made(steps):
        return assembly.batches(steps, plan, examples, groups, decode, len(share.rows))

    if not share.by_step:
        return assembly.finished(made(steps), cardinality)

    def one(step):
        step = tf.data.Dataset.from_tensors(step)
        return tf.data.Dataset.zip(step, made(step))

    return assembly.finished(steps.interleave(one, 2, num_parallel_calls=2), cardinality)
