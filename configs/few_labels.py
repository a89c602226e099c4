"""Labels are scarce, images are not: 100 labels a class of CIFAR-10, and 20,000 images in all.

Task: 20,000 training images of 32 px, of which 1,000 are labelled; 10,000 test images.
Teacher: EfficientNet-Lite0, from ImageNet, fine-tuned here on the 1,000 labels at 96 px.
Student: a ResNet-14 at 32 px that never sees a label: it matches the teacher's answers to all
20,000 images, computed once (Beyer et al. 2021, arXiv 2106.05237, mode fix/rs, its own crops).
Baseline: the same network on the 1,000 labels, for as many steps of as many images.
Command: keras-kd-train --config=configs/few_labels.py:efficientnet_lite0.npz \\
    --workdir=workdir/few_labels --config.data.data_dir=DATA
Expected result: docs/results.md, "What distillation gains on photographs".
"""

from keras_kd.config import base, stage

STEPS = {"total": "6000 steps", "warmup": "300 steps", "interval": "1500 steps"}
CROPS = "inception_crop(0.7,1)|flip"


def get_config(weights=""):
    """Student and baseline learn for 6,000 steps of 64 images.

    Args:
        weights: `.npz` of EfficientNet-Lite0 for the teacher; empty: random weights.
    """
    config = base()
    config.name = "few_labels"
    config.batch_size = 64
    config.data.source = "tfds:cifar10_jpeg"
    config.data.train_split = "train[:20000]"
    config.data.labels_per_class = 100
    config.data.resolution = 32
    config.data.teacher_resolution = 96
    config.data.eval_full_image = True
    config.teacher.model = {
        "name": "efficientnet_lite",
        "kwargs": {"variant": 0, "weights": weights, "synchronized": False},
    }
    config.teacher.train = stage(
        student_view=CROPS, total="400 steps", warmup="40 steps", interval="200 steps",
        learning_rate=5e-4,
    )  # fmt: skip
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    config.student.model = {"name": "resnet", "kwargs": {"depth": 14, "width": 1.0, **options}}
    config.baseline.update(student_view=CROPS, **STEPS)
    config.distil.update(mode="fix/rs", student_view=CROPS, **STEPS)
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config
