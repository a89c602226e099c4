"""How a student answers where an image is made small in another way than in training.

Phones, browsers and Pillow each have their own: most smooth before they leave pixels out, which
TensorFlow's bilinear interpolation, and so the evaluation, does not.
"""

import numpy as np
import tensorflow as tf

from keras_kd.data.ops import central_boxes, full_boxes
from keras_kd.data.resize import resizer
from keras_kd.export.network import logits_of, student_of

MOST = 1000  # images, evenly drawn
BATCH = 100


def compare_resizing(material):
    """Answers of the Keras student on test images that were resized in three ways.

    Args:
        material: `keras_kd.export.material.Material`.

    Returns:
        dict: `examples`, how many images; `kinds`, a list of dicts: `name`, `accuracy` (share) and
        `agreement`, the share of images with the same class as for the first, the evaluation's.
    """
    examples = material.source.split(material.split)
    count = min(examples.num_examples, MOST)
    rows = np.linspace(0, examples.num_examples - 1, count).round().astype(np.int64)
    model, side = student_of(material.student), material.resolution
    kinds = kinds_of(side)
    forward = tf.function(lambda images: logits_of(model, images), reduce_retracing=True)
    answers = {name: [] for name in kinds}
    for start in range(0, count, BATCH):
        crops = _crops(examples, rows[start : start + BATCH], material)
        for name, resize in kinds.items():
            images = np.stack([resize(crop) for crop in crops])
            answers[name].append(forward(tf.constant(images)).numpy().argmax(-1))
    answers = {name: np.concatenate(parts) for name, parts in answers.items()}
    labels, first = examples.labels[rows], next(iter(answers.values()))
    return {
        "examples": count,
        "kinds": [
            {
                "name": name,
                "accuracy": float((classes == labels).mean()),
                "agreement": float((classes == first).mean()),
            }
            for name, classes in answers.items()
        ],
    }


def kinds_of(side):
    """Ways to resize: name -> function of a uint8 `[H, W, C]` to float32 `[side, side, C]`."""
    from PIL import Image

    # Traced once for all sizes of crops.
    tensorflow = tf.function(lambda image: resizer(side)(image), reduce_retracing=True)

    def pillow(kind):
        def resize(crop):
            pixels = crop if crop.shape[-1] == 3 else crop[..., 0]
            small = np.asarray(Image.fromarray(pixels).resize((side, side), kind), np.float32)
            return small.reshape(side, side, -1) / 127.5 - 1

        return resize

    return {
        "TensorFlow bilinear, as evaluated": lambda crop: tensorflow(tf.constant(crop)).numpy(),
        "Pillow bilinear (anti-aliased)": pillow(Image.Resampling.BILINEAR),
        "Pillow bicubic (anti-aliased)": pillow(Image.Resampling.BICUBIC),
    }


def _crops(examples, rows, material):
    """What the evaluation shows of some examples, at full size: uint8 `[H, W, C]` each."""
    sizes = tf.constant(examples.sizes[rows])
    boxes = full_boxes(sizes) if material.full_image else central_boxes(sizes, material.scale)
    return examples.crops(rows, boxes)
