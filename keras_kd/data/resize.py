"""How a crop becomes what a network takes: a square of floats in [-1, 1].

Kernels differ from toolkit to toolkit, and a network that knows one of them errs on another: see
`MIXED`, which shows it several.
"""

import functools

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_kd.data.random_streams import Stream, below, uniform
from keras_kd.utils.names import nearest

DEFAULT = "bilinear"
MIXED = "mixed"  # one of `DRAWN` for each image, drawn from the seed and the step


def _bilinear(image, size):
    # What tf.image.resize does, without its checks: half the time to trace.
    resized = tf.raw_ops.ResizeBilinear(
        images=tf.expand_dims(image, 0), size=size, half_pixel_centers=True
    )
    return tf.squeeze(resized, 0)


def _of_tensorflow(image, size, method, antialias=False):
    resized = tf.image.resize(image, size, method, antialias=antialias)
    return tf.clip_by_value(tf.cast(resized, tf.float32), 0.0, 255.0)  # bicubic overshoots


def _of_pillow(image, size, method):
    def resized(image, size):
        # Pillow has grey images without an axis for the channel.
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        array = np.asarray(picture.resize(tuple(size[::-1]), method), np.float32)
        return array.reshape(*size, image.shape[-1])

    found = tf.numpy_function(resized, [image, size], tf.float32, stateful=False)
    side = tf.get_static_value(size)  # batches are put together by static shapes
    return tf.ensure_shape(found, [*((None, None) if side is None else side), image.shape[-1]])


# Function of a uint8 `[H, W, C]` and the new size to float32 in [0, 255].
KERNELS = {
    "bilinear": _bilinear,  # as in the paper's training: no antialiasing
    "bilinear_antialias": functools.partial(_of_tensorflow, method="bilinear", antialias=True),
    "bicubic": functools.partial(_of_tensorflow, method="bicubic"),
    "bicubic_antialias": functools.partial(_of_tensorflow, method="bicubic", antialias=True),
    "area": functools.partial(_of_tensorflow, method="area"),
    "nearest": functools.partial(_of_tensorflow, method="nearest"),
    # Those of phones and scripts, to the bit, in Python: for evaluation.
    "pillow_bilinear": functools.partial(_of_pillow, method=Image.Resampling.BILINEAR),
    "pillow_bicubic": functools.partial(_of_pillow, method=Image.Resampling.BICUBIC),
}
# What `MIXED` draws from: with and without antialiasing, as toolkits and phones resize.
DRAWN = ("bilinear", "bilinear_antialias", "bicubic", "bicubic_antialias")
NAMES = (*KERNELS, MIXED)
TRAINING = tuple(name for name in NAMES if not name.startswith("pillow"))


def check_kernel(name, value, names=NAMES):
    """Refuses what is no kernel.

    Args:
        name: of the argument or config key, for messages.
        value: what it holds.
        names: those that there are.

    Raises:
        ValueError: names the nearest.
    """
    if value not in names:
        raise ValueError(
            f"{name} must be one of {', '.join(names)}. Received: {name}={value!r}."
            f"{nearest(value, names) if isinstance(value, str) else ''}"
        )


def draw_kernels(count, seed, step):
    """Which of `DRAWN` resizes each image of a batch.

    Args:
        count: images of the global batch.
        seed: int, the seed of the run.
        step: int64 scalar.

    Returns:
        int32 `[count]`.
    """
    draws = uniform([count], Stream(seed, "resize", step).key())
    return below(tf.fill([count], len(DRAWN)), draws)


def resizer(resolution, kernel=DEFAULT):
    """Interpolation to a square.

    Args:
        resolution: side in pixels.
        kernel: a name of `KERNELS`, or `MIXED`.

    Returns:
        function of a uint8 `[H, W, C]`, and under `MIXED` what was drawn for it, to float32
        `[resolution, resolution, C]` in [-1, 1], for the graph that this was called in.
    """
    # The constants once for all images: half the time to trace.
    size, half, one = tf.constant([resolution] * 2), tf.constant(127.5), tf.constant(1.0)

    def resize(image, drawn=None):
        resized = KERNELS[kernel](image, size) if drawn is None else _drawn(image, size, drawn)
        # What comes out of Python, or of a function of any size, has no sides that a graph knows.
        return tf.ensure_shape(resized, [resolution, resolution, None]) / half - one

    return resize


@tf.function(autograph=False, reduce_retracing=True)  # Traced once for all rows.
def _drawn(image, size, drawn):
    branches = [lambda kernel=KERNELS[name]: kernel(image, size) for name in DRAWN]
    return tf.switch_case(drawn, branches)
