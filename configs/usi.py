"""Any network, one recipe (USI): the same settings, whatever the network, and a teacher's help.

Paper: Ridnik et al. 2022, "Solving ImageNet: a Unified Scheme for Training any Backbone to Top
Results", arXiv 2204.03475.
Task: 20,000 images of CIFAR-10 at 32 px, by the settings of ImageNet.
Teacher: `teacher=FILE` or another handle, with `@96` behind it where it sees 96 px, and in its own
    pixel values (`--config.teacher.normalization` where nothing tells them); else an
    EfficientNet-Lite0, fine-tuned here at 96 px from `weights=FILE`.
Student: BACKBONE, any builder of `keras_kd.models` or `keras:NAME`; the baseline learns by the same
    settings from labels alone. `batch=N` sets the batch, and with it the rates, that are for 1,024.
Command: keras-kd-train --config=configs/usi.py:resnet,teacher=teacher.keras --workdir=workdir/usi
Published result: ResNet-50 81.0 %, MobileNetV3-Large 77.3 % on ImageNet in 300 epochs.
"""

from keras_kd.config import base, stage
from keras_kd.configs import words_of

WORDS = ("teacher", "weights", "batch")
BATCH = 1024  # for which the rates are
RATES = {"learning_rate": 2e-3, "first_rate": 1e-4, "last_rate": 1e-6}
DECAY = 2e-2  # of PyTorch's AdamW, which multiplies it by the rate
VIEW = "inception_crop(0.08,1)|flip|randaugment_timm(2,7,0.5)"
MIX = "mixup(0.8)|cutmix(1.0)"
# What the networks need to fit 32 px and a single replica; nothing that is tuned.
OPTIONS = {
    "resnet": {"depth": 14, "norm": "batch", "synchronized": False, "dropout": 0.0},
    "mobilenet_v3_small": {"synchronized": False, "dropout": 0.0},
    "mobilenet_v3_large": {"synchronized": False, "dropout": 0.0},
    "vit": {"patch": 4, "width": 96, "depth": 6, "heads": 3, "mlp_width": 384},
    "mixer": {"patch": 4, "width": 96, "depth": 6, "token_width": 48, "channel_width": 384},
}


def get_config(argument="resnet"):
    """The config of `BACKBONE[,teacher=FILE][,weights=FILE][,batch=128]`.

    Raises:
        ValueError: a network or a word that there is not.
    """
    backbone, given = read(argument)
    config = base()
    config.name = "usi"
    config.batch_size = given.get("batch", 128)
    config.data.source = "tfds:cifar10_jpeg"
    config.data.train_split = "train[:20000]"
    config.data.resolution = 32
    config.data.crop_area = (0.08, 1.0)
    config.data.eval_scale = 1 / 0.95
    config.data.resize = config.data.eval_resize = "bicubic_antialias"
    config.student.model = {"name": backbone, "kwargs": OPTIONS.get(backbone, {})}
    recipe = settings(config.batch_size)
    config.baseline.update(recipe)
    config.distil.update(recipe)
    config.distil.methods = {"soft_targets": {"temperature": 1.0, "weight": 5.0}}
    if "teacher" in given:
        config.teacher.handle = given["teacher"]
        return config
    config.data.teacher_resolution = 96
    weights = given.get("weights", "")
    config.teacher.model = {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 0, "weights": weights, "synchronized": False},
    }
    config.teacher.train = stage(mode="same/ic", total="3 epochs", learning_rate=5e-4)
    return config


def settings(batch_size):
    """What student and baseline share: a stage's settings, dict.

    Args:
        batch_size: size of the global batch; rates are in proportion to it.
    """
    rates = {name: rate * batch_size / BATCH for name, rate in RATES.items()}
    return {
        **rates,
        # Here it is the share that a step at the peak takes away.
        "weight_decay": rates["learning_rate"] * DECAY,
        "optimizer_options": {"epsilon": 1e-8},
        "clip": 0.0,
        "schedule": "cosine",
        "total": "300 epochs",
        "warmup": "5 epochs",
        "interval": "10 epochs",
        "ema": 0.99996,
        "mode": "mix",
        "student_view": VIEW,
        "mix": MIX,
        "repeats": 3,
        "label_weight": 1.0,
    }


def read(argument):
    """(name of the network, dict of word -> value) of the argument.

    Raises:
        ValueError: a network or a word that there is not.
    """
    from keras_kd import models

    backbone, *parts = (part.strip() for part in argument.split(","))
    models.check(backbone, OPTIONS.get(backbone, {}))
    given = words_of(parts, WORDS, "the network", argument)
    if "batch" in given:
        if not given["batch"].isdigit() or not int(given["batch"]):
            raise ValueError(
                f"batch must be a whole number above 0. Received: batch={given['batch']}."
            )
        given["batch"] = int(given["batch"])
    return backbone, given
