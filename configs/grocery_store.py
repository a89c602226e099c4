"""Grocery Store: 81 kinds of fruit, vegetables and cartons, photographed in shops.

Task: 2,640 training and 2,485 test photographs (Klasson et al. 2019).
Teacher: EfficientNet-Lite0, pretrained on ImageNet, fine-tuned here on the labels at 160 px.
Student: cut out of the teacher, with fewer expansion channels and a narrower head, as many as an
int8 file of 1.2 MB holds: the channels that the layers behind them need most, whose kernels are
fitted to what they gave. It matches the teacher on the very same mixed crops for half an hour on
two cores (Beyer et al. 2021, arXiv 2106.05237, function matching).
Baseline: the same cut network on labels alone, for as many steps, on crops that are not mixed, from
which it learns more.
Command: keras-kd-train --config=configs/grocery_store.py:efficientnet_lite0.npz \\
    --workdir=workdir/grocery_store --config.data.data_dir=DATA
Expected result: docs/results.md, "Students cut out of their teacher".
"""

from keras_kd.config import base, stage

BYTES = 1_200_000
LENGTH = {"total": "30 epochs", "interval": "5 epochs"}


def get_config(weights=""):
    """The run of teacher, baseline and student, all at 160 px.

    Args:
        weights: `.npz` of EfficientNet-Lite0, from which the teacher starts; empty: random weights.
    """
    config = base()
    config.name = "grocery_store"
    config.batch_size = 64
    config.data.source = "tfds:grocery_store"
    config.data.resolution = 160
    config.data.crop_area = (0.2, 1.0)
    config.data.resize = "mixed"  # phones and scripts each resize in their own way
    config.teacher.model = {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 0, "weights": weights, "synchronized": False},
    }
    config.student.model = {
        "name": "shrink",
        "kwargs": {
            "width": {"*_expand_conv": 0.6, "head_conv": 0.8},
            "bytes": BYTES,
            "importance": "regression",
            "choice": "global",
            "images": 1024,
        },
    }
    config.teacher.train = stage(
        mode="same/ic", total="8 epochs", interval="4 epochs", learning_rate=5e-4
    )
    config.baseline.update(mode="same/ic", learning_rate=1e-3, **LENGTH)
    config.distil.update(mode="mix", learning_rate=1e-3, **LENGTH)
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config
