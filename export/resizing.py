"""How a student answers where an image is made small in another way than in training.

Phones, browsers and Pillow each have their own: most smooth before they leave pixels out, which
TensorFlow's bilinear interpolation, and so the evaluation, does not.
"""

from keras_kd.data.sampled import SampledSource
from keras_kd.export.measure import keras_logits

MOST = 1000  # images, evenly drawn
# Kernels of `keras_kd.data.resize`, the evaluation's first, and what the report calls them.
KINDS = {
    "bilinear": "TensorFlow bilinear, as evaluated",
    "pillow_bilinear": "Pillow bilinear (anti-aliased)",
    "pillow_bicubic": "Pillow bicubic (anti-aliased)",
}


def kinds_of(kernel):
    """`KINDS` of an evaluation by this kernel, which comes first."""
    if kernel in KINDS:
        return KINDS
    others = {one: name.removesuffix(", as evaluated") for one, name in KINDS.items()}
    return {kernel: f"TensorFlow {kernel.replace('_', ' ')}, as evaluated", **others}


def compare_resizing(material):
    """Answers of the Keras student on test images that were resized in three ways.

    Args:
        material: `keras_kd.export.material.Material`.

    Returns:
        dict: `examples`, how many images; `kinds`, a list of dicts, the evaluation's first:
        `name`, `accuracy` (share) and `agreement`, the share of images with the same class as for
        the evaluation's.
    """
    sample, kinds, first = SampledSource(material.source, material.split, MOST), [], None
    for kernel, name in kinds_of(material.resize).items():
        images = material.run.evaluation_images(sample, material.split, resize=kernel)
        logits, labels = keras_logits(material.student, images)
        classes = logits.argmax(-1)
        first = classes if first is None else first
        kinds.append(
            {
                "name": name,
                "accuracy": float((classes == labels).mean()),
                "agreement": float((classes == first).mean()),
            }
        )
    return {"examples": len(first), "kinds": kinds}
