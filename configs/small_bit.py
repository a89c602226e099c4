"""A small BiT on photographs, from labels alone: what group norm keeps in integer files.

Task: flowers12, 720 training and 240 test images of 12 kinds, here at 64 px; or another set by its
name. Images are resized in several ways, so that a phone's own way is none too strange.
Network: BiT (Kolesnikov et al. 2020, arXiv 1912.11370) of one unit a stage and a quarter of the
width, with group norm and weight standardisation: 510,620 parameters.
Command: keras-kd-train --config=configs/small_bit.py --workdir=workdir/small_bit \\
    --config.data.data_dir=DATA
Expected result: docs/results.md, "Files for phones"; about two minutes on two idle cores.
"""

from keras_kd.config import base


def get_config(source="flowers12"):
    """40 epochs of 720 images on labels, and files in integers of both kinds.

    Args:
        source: name of a TFDS set.
    """
    config = base()
    config.name = "small_bit"
    config.stages = ("baseline",)
    config.batch_size = 32
    config.data.source = f"tfds:{source}"
    config.data.resolution = 64
    config.data.crop_area = (0.3, 1.0)
    config.data.resize = "mixed"
    config.student.model = {
        "name": "bit_resnet",
        "kwargs": {"depth": (1, 1, 1, 1), "width": 0.25},
    }
    config.baseline.update(mode="same/ic", total="40 epochs", interval="10 epochs")
    config.export.formats = ("float32", "float16", "dynamic", "int8", "int8_full", "saved_model")
    return config
