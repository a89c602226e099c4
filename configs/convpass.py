"""A vision transformer tuned by Convpass, which teaches a CNN; or one that is itself the student.

Only convolutional adapters beside its blocks, and its classifier, are trained: 0.33 of the 86
million weights of B/16.

Paper: Jie, Deng 2022, "Convolutional Bypasses Are Better Vision Transformer Adapters", arXiv
2207.07039.
Task: Oxford Flowers, 102 species in 1,020 training images at 224 px, squeezed to a square.
Transformer: `variant=B` of 16-pixel patches, from `weights=FILE`, an archive as it is published
    (ViT-B_16.npz of ImageNet-21k, the authors' too).
Teacher: that transformer with adapters, trained as the authors do. With `student` in front the
    student is, and follows the teacher of `teacher=FILE` or another handle, labels beside it.
Command: keras-kd-train --config=configs/convpass.py:teacher,weights=ViT-B_16.npz \\
    --workdir=workdir/convpass
Published result: 99.15 % of the flowers after 1,000 of their images, the best of ten looks at the
    test images.
"""

from keras_kd.config import base, network, stage
from keras_kd.configs import words_of
from keras_kd.utils.names import nearest

WORDS = ("weights", "variant", "teacher")
ROLES = ("teacher", "student")
RATE, DECAY = 1e-3, 1e-4
ADAPTERS = {"dim": 8, "scale": 0.1, "where": "both", "init": "xavier"}  # theirs for these flowers
# Theirs, but for their stochastic depth. No augmentation; every image as it is.
TUNING = {
    "optimizer_options": {"epsilon": 1e-8},
    "learning_rate": RATE,
    "first_rate": 1e-6,
    "last_rate": 1e-5,
    # PyTorch's AdamW multiplies it by the rate; here it is what a step at the peak takes away.
    "weight_decay": RATE * DECAY,
    "clip": 0.0,
    "total": "100 epochs",
    "warmup": "10 epochs",
    "interval": "10 epochs",
    "student_view": "whole_image",
}


def get_config(argument="teacher"):
    """The config of `teacher|student[,weights=FILE][,variant=B][,teacher=FILE]`.

    Raises:
        ValueError: another role or word, or a student without a teacher's handle.
    """
    role, given = read(argument)
    config = base()
    config.name = f"convpass_{role}"
    config.batch_size = 64
    config.data.source = "tfds:oxford_flowers102"
    config.data.resolution = 224
    config.data.eval_full_image = True
    config.data.resize = config.data.eval_resize = "bicubic_antialias"
    config.pretrained = network(
        "vit",
        variant=given.get("variant", "B"),
        weights=given.get("weights", "ViT-B_16.npz"),
    )
    tuned = {"name": "convpass", "kwargs": {"of": "pretrained", **ADAPTERS}}
    if role == "student":
        config.student.model = tuned
        config.teacher.handle = given["teacher"]
        config.baseline.update(TUNING)
        config.distil.update(TUNING, mode="same/ic", label_weight=1.0)
        return config
    config.teacher.model = tuned
    config.teacher.train = stage(**TUNING)
    config.student.model = {"name": "mobilenet_v3_small", "kwargs": {"synchronized": False}}
    length = {"total": "1000 epochs", "interval": "50 epochs", "learning_rate": 1e-3}
    config.baseline.update(length)
    config.distil.update(length, methods={"soft_targets": {"temperature": 2.0}})
    return config


def read(argument):
    """(role, dict of word -> value) of the argument; raises what `get_config` does."""
    role, *parts = (part.strip() for part in argument.split(","))
    if role not in ROLES:
        raise ValueError(
            f"the argument begins with one of {ROLES}, which the tuned transformer is to be. "
            f"Received: {role!r} in {argument!r}.{nearest(role, ROLES)}"
        )
    given = words_of(parts, WORDS, role, argument)
    if (role == "student") != ("teacher" in given):
        raise ValueError(
            "teacher=FILE names who teaches a tuned student; a tuned teacher learns from labels. "
            f"Received: {argument!r}. Write student,teacher=FILE or teacher."
        )
    return role, given
