"""Grocery Store in a file of about 1.2 MB: a student that is cut out of its teacher.

Task: 2,640 training and 2,485 test photographs of 81 kinds (Klasson et al. 2019), at 96 px.
Teacher: EfficientNet-Lite0, pretrained on ImageNet, fine-tuned here on the labels.
Student: the teacher with fewer expansion channels and a narrower head, as few as the int8 file may
hold bytes, chosen by the L1 norm of what reads them; then it matches the whole teacher on the very
same crops (Beyer et al. 2021, arXiv 2106.05237, mode same/ic).
Command: keras-kd-train --config=configs/shrink_grocery_store.py:efficientnet_lite0.npz \\
    --workdir=workdir/shrink --config.data.data_dir=DATA; then keras-kd-export --formats=int8
Expected result: not measured yet; on ten other kinds of photographs a student of 1.23 MB ended 5
points below its teacher after 15 epochs.
"""

from keras_kd.config import base, stage

BYTES = 1_200_000


def get_config(weights=""):
    """Teacher and student at 96 px.

    Args:
        weights: `.npz` of EfficientNet-Lite0, from which the teacher starts; empty: random weights.
    """
    config = base()
    config.name = "shrink_grocery_store"
    config.batch_size = 64
    config.data.source = "tfds:grocery_store"
    config.data.resolution = 96
    config.data.crop_area = (0.2, 1.0)
    config.teacher.model = {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 0, "weights": weights, "synchronized": False},
    }
    config.student.model = {
        "name": "shrink",
        "kwargs": {"width": {"*_expand_conv": 0.6, "head_conv": 0.8}, "bytes": BYTES},
    }
    config.teacher.train = stage(
        mode="same/ic", total="10 epochs", interval="5 epochs", learning_rate=5e-4
    )
    config.baseline.enabled = False  # it would learn from no teacher, and so be cut out of none
    config.distil.update(mode="same/ic", total="40 epochs", interval="5 epochs", learning_rate=1e-3)
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config
