"""Digits by way of an assistant: the teacher teaches a network between, and that one the student.

A student far smaller than its teacher follows one of middle size more closely. Every network here
is a section of the config, and `config.stages` is the chain: no code knows of it.

Paper: Mirzadeh et al. 2020, "Improved Knowledge Distillation via Teacher Assistant",
arXiv 1902.03393.
Command: keras-kd-train --config=configs/assistant.py --workdir=workdir/assistant
Published result: a ResNet-8 on CIFAR-100 has 61.37 % on labels, 61.41 % taught by a ResNet-110,
and 61.82 % by way of a ResNet-20; none on digits, which are here to show the chain in minutes.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits


def get_config():
    """The demo's config with a stage between, and a student of a quarter of its width."""
    config = digits.get_config()
    config.name = "assistant"
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    config.assistant = network(
        "resnet",
        depth=8,
        width=1.0,
        **options,
        train=stage(
            teachers=("teacher",),
            methods={"soft_targets": {"temperature": 2.0}},
            label_weight=0.0,
            mode="mix",
            total="60 epochs",
            interval="5 epochs",
        ),
    )
    config.stages = ("teacher", "assistant", "baseline", "distil")
    config.student.model.kwargs.width = 0.25
    config.distil.teachers = ("assistant",)
    return config
