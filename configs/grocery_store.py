"""Grocery Store: 81 kinds of fruit, vegetables and cartons, photographed in shops.

Task: 2,640 training and 2,485 test photographs (Klasson et al. 2019), at 96 px.
Teacher: EfficientNet-Lite0, pretrained on ImageNet, fine-tuned here on the labels.
Student: MobileNetV3-Small (minimalistic) from scratch, by function matching (Beyer et al. 2021).
Command: keras-kd-train --config=configs/grocery_store.py --workdir=workdir/grocery_store \\
    --config.data.data_dir=DATA --config.teacher.model.kwargs.weights=efficientnet_lite0.npz
Expected result: docs/results.md.
"""

from keras_kd.config import base, stage


def get_config():
    """Teacher and student at 96 px, the whole in about an hour on two CPU cores."""
    config = base()
    config.name = "grocery_store"
    config.batch_size = 64
    config.data.source = "tfds:grocery_store"
    config.data.resolution = 96
    config.data.crop_area = (0.2, 1.0)
    config.teacher.model = {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 0, "weights": "", "synchronized": False},
    }
    config.teacher.train = stage(
        mode="same/ic", total="6 epochs", interval="2 epochs", learning_rate=5e-4
    )
    config.student.model = {
        "name": "mobilenet_v3_small",
        "kwargs": {
            "alpha": 1.0, "minimalistic": True, "dropout": 0.0, "momentum": 0.9,
            "synchronized": False,
        },
    }  # fmt: skip
    config.baseline.update(mode="same/ic", total="20 epochs", interval="5 epochs")
    config.distil.update(mode="same/ic", total="20 epochs", interval="5 epochs")
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config
