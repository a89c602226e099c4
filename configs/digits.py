"""Handwritten digits, embedded: the whole job on two CPU cores in minutes.

Task: 1,297 training and 500 test images of 8x8 grey pixels.
Teacher: a residual network of 14 layers and double width, trained here on the labels.
Student: a residual network of 8 layers, by function matching (Beyer et al. 2021, arXiv 2106.05237).
Command: keras-kd-train --config=configs/digits.py --workdir=workdir/digits
Expected result: the table in README.md, in about three minutes.
"""

from keras_kd.config import base, stage


def get_config():
    """The demo's config."""
    config = base()
    config.name = "digits"
    config.deterministic = True  # two runs of the demo agree to the bit
    config.batch_size = 128
    config.data.source = "digits"
    config.data.resolution = 8
    config.data.eval_full_image = True  # a digit fills its image: nothing may be cut off
    config.data.flip = False  # a mirrored 2 is no digit
    config.data.crop_area = (0.6, 1.0)
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    config.teacher.model = {"name": "resnet", "kwargs": {"depth": 14, "width": 2.0, **options}}
    config.teacher.train = stage(mode="same/ic", total="30 epochs", interval="5 epochs")
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 1.0, **options}}
    config.baseline.update(mode="same/ic", total="40 epochs", interval="5 epochs")
    config.distil.update(mode="mix", total="100 epochs", interval="5 epochs")
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config
