"""EXIF orientation: how a camera says that the stored pixels lie on their side, or are mirrored.

The upright image is the stored one, transposed or not, then mirrored or not in rows and columns.
Boxes are drawn on upright images; of a JPEG only the same box of the stored pixels is decoded.

Reference: JEITA CP-3451, "Exchangeable image file format for digital still cameras", tag 0x0112.
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

UPRIGHT = 1
EXIF = ("ignore", "apply")  # what a source does with it

_TAG = 0x0112
# Whatever carries the tag holds one of these words: most files hold none and need not be parsed.
_MARKS = (b"Exif", b"exif", b"EXIF", b"eXIf", b"tiff:Orientation")
# Row o: whether orientation o is transposed, and mirrored top to bottom and left to right then.
_FLAGS = np.array(
    [
        [0, 0, 0],
        [0, 0, 0],  # 1: upright
        [0, 0, 1],  # 2: mirrored
        [0, 1, 1],  # 3: upside down
        [0, 1, 0],  # 4: upside down and mirrored
        [1, 0, 0],  # 5: transposed
        [1, 0, 1],  # 6: to be turned clockwise
        [1, 1, 1],  # 7: transposed along the other diagonal
        [1, 1, 0],  # 8: to be turned counter-clockwise
    ],
    np.int32,
)


def orientation_of(encoded):
    """The EXIF orientation of an encoded image, in [1, 8]; 1 where it says none, or nonsense.

    Args:
        encoded: bytes.
    """
    if not any(mark in encoded for mark in _MARKS):
        return UPRIGHT
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            found = image.getexif().get(_TAG, UPRIGHT)
    except Exception:  # Pillow raises what it likes on damaged metadata; the pixels may be whole.
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def upright_sizes(sizes, orientations):
    """Sizes of upright images.

    Args:
        sizes: int32 `[N, 2]`, height and width of the stored images.
        orientations: int `[N]`, in [1, 8].
    """
    lying = _FLAGS[orientations, 0].astype(bool)
    return np.where(lying[:, None], sizes[:, ::-1], sizes)


def turns(sizes, orientations):
    """What `stored_box` and `turned` need to know of each image.

    Args:
        sizes: int32 `[N, 2]`, of the upright images.
        orientations: int `[N]`, in [1, 8].

    Returns:
        int32 `[N, 5]`: whether it is transposed, mirrored in rows, in columns; height and width.
    """
    return np.concatenate([_FLAGS[orientations], sizes], axis=1).astype(np.int32)


def turn_of(size, orientation):
    """As `turns`, of one image in a graph.

    Args:
        size: int32 `[2]`, height and width of the stored image.
        orientation: int32 scalar in [1, 8].
    """
    flags = tf.gather(tf.constant(_FLAGS), orientation)
    return tf.concat([flags, tf.where(flags[0] > 0, size[::-1], size)], axis=0)


def stored_box(box, turn):
    """The box of the stored image that shows what a box of the upright one shows.

    Args:
        box: int32 `[4]`: top, left, height, width in the upright image.
        turn: int32 `[5]`, a row of what `turns` gave.
    """
    corner, extent = box[:2], box[2:]
    corner = tf.where(turn[1:3] > 0, turn[3:] - corner - extent, corner)
    swapped = tf.concat([corner[::-1], extent[::-1]], axis=0)
    return tf.where(turn[0] > 0, swapped, tf.concat([corner, extent], axis=0))


def turned(image, turn):
    """A crop of the stored image as it stands upright.

    Args:
        image: uint8 `[H, W, C]`.
        turn: int32 `[5]`, a row of what `turns` gave.
    """
    steps = (
        (turn[0], lambda image: tf.transpose(image, [1, 0, 2])),
        (turn[1], lambda image: tf.reverse(image, [0])),
        (turn[2], lambda image: tf.reverse(image, [1])),
    )
    for asked, change in steps:
        image = tf.cond(asked > 0, lambda c=change, i=image: c(i), lambda i=image: i)
    return image
