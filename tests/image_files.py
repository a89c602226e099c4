"""Small image files on disk, and what is read of them."""

import numpy as np
import tensorflow as tf
from PIL import Image


def picture(height=12, width=16, value=0):
    """A smooth picture, so that JPEG keeps it nearly exactly."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 8, x * 8, np.full_like(x, value)], axis=-1).clip(0, 255).astype(np.uint8)


def save(path, array=None, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture() if array is None else array).convert(mode).save(path, **options)


def class_folder(root, classes=("cat", "dog"), count=10, suffix="png"):
    for label, name in enumerate(classes):
        for i in range(count):
            save(root / name / f"{i:03}.{suffix}", picture(value=label * 20 + i))
    return root


def decoded(examples, index):
    """One whole image by the way the pipeline takes."""
    item = examples.fetch(tf.constant([index]))[0]
    return examples.crop(item, tf.constant([0, 0, *examples.sizes[index]], tf.int32)).numpy()
