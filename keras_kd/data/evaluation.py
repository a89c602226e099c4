"""Batches for evaluation: every example once, in order, nothing random."""

import tensorflow as tf

from keras_kd.data import assembly
from keras_kd.data.decode import decoder
from keras_kd.data.ops.central_crop import CentralCrop, check_scale
from keras_kd.data.ops.whole_image import WholeImage
from keras_kd.data.resize import DEFAULT, KERNELS, check_kernel
from keras_kd.data.share import Share
from keras_kd.data.sources import load_source
from keras_kd.data.view import View
from keras_kd.data.views import Views
from keras_kd.utils.crops import EVAL_SCALE
from keras_kd.utils.integers import check_integer


def evaluation_dataset(
    source,
    split,
    batch_size,
    resolution,
    *,
    teacher_resolution=None,
    with_ids=False,
    full_image=False,
    scale=EVAL_SCALE,
    resize=DEFAULT,
    fill_to=0,
    modality=None,
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
        resize: kernel, a name of `keras_kd.data.resize.KERNELS`: that of a phone, or Pillow's.
        modality: a `keras_kd.data.modality.Modality` of the student, or of both.
        fill_to: N > 0, where no shape may be open: all batches are whole, and as many as N divides.

    Returns:
        `tf.data.Dataset` of `(x, y)` as from `build_dataset`, y int32 `[B]`. Filled up, it is of
        `(x, y, sample_weight)`: 0 for what fills up, and else the number of rows over that of
        examples, so that the means over rows and the weighted means are those of the examples.

    Raises:
        ValueError: if an argument is out of its range, or the data cannot be used.
    """
    share = Share(batch_size, resolution, teacher_resolution=teacher_resolution)
    check_scale("scale", scale)
    check_kernel("resize", resize, KERNELS)
    views = Views(View(WholeImage() if full_image else CentralCrop(scale)), modality=modality)
    source = load_source(source)
    examples = source.split(split)
    count = examples.num_examples
    batch_size = min(batch_size, count)
    num_batches = -(-count // batch_size)
    if fill_to:
        check_integer("fill_to", fill_to, 1)
        num_batches = -(-num_batches // fill_to) * fill_to

    groups, _ = assembly.group_rows(range(batch_size), batch_size, mixed=False)
    # Without a teacher's side only the student looks.
    outputs = share.outputs(views if teacher_resolution else views.for_one())
    decode = decoder(examples, views, outputs, with_ids=with_ids, resize=resize)
    steps = tf.data.Dataset.range(num_batches)
    plan = _plan(examples, views, batch_size)
    data = assembly.batches(steps, plan, examples, groups, decode, batch_size)
    if fill_to:
        data = _with_weights(steps, data, batch_size, num_batches * batch_size, count)
    elif count % batch_size:
        data = _without_rest(steps, data, batch_size, count)
    return assembly.finished(data, num_batches)


def _plan(examples, views, batch_size):
    """Function of a step -> the positions of its examples, and how they are seen."""

    def plan(step):
        # The last batch is filled with its last example, which is cut off again.
        row = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        positions = tf.minimum(row, examples.num_examples - 1)
        sizes = tf.gather(examples.sizes, positions)
        return {"position": positions, "views": views.draw(sizes, 0, step)}

    return plan


def _with_weights(steps, data, batch_size, rows, count):
    """The batches with the weights of their rows, of which the first `count` are examples."""

    def weigh(step, batch):
        row = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        return *batch, tf.where(row < count, rows / count, 0.0)

    return assembly.map_parallel(tf.data.Dataset.zip(steps, data), weigh)


def _without_rest(steps, data, batch_size, count):
    """The batches without the rows after the first `count`."""

    def cut(step, batch):
        valid = tf.minimum(count - step * batch_size, batch_size)
        return tf.nest.map_structure(lambda value: value[:valid], batch)

    return assembly.map_parallel(tf.data.Dataset.zip(steps, data), cut)
