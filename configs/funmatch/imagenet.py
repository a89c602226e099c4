"""ImageNet (ILSVRC-2012), 1,000 classes in 1.28 million images, by function matching.

The argument is words with commas between them, at most one of each row, the first by default:
    medium, fast, long                      1,200, 300 or 9,600 epochs
    T224, T384, ensemble                    side of the teacher's images in px; or both teachers
    S224, S160                              side of the student's
    resnet, mobilenet_gn, mobilenet_bn      BiT-ResNet-50, or MobileNetV3-Large with group or
                                            batch norm
    adamw, shampoo                          optimizer

Paper: Beyer et al. 2021, arXiv 2106.05237.
Command: keras-kd-train --config=configs/funmatch/imagenet.py:fast,T384 \\
    --workdir=workdir/imagenet --config.data.data_dir=DATA
Published result: docs/recipes.md.
Published time: fast about 15 hours on a TPU v3-32.
"""

from keras_kd.configs.funmatch import chosen, recipe, set_sides

SMALL, LARGE = "bit:R152x2-imagenet224", "bit:R152x2-imagenet384"
MOBILENET = {"alpha": 1.0, "dropout": 0.0, "synchronized": False}
GROUPS = {
    "length": {"medium": 1_200, "fast": 300, "long": 9_600},  # epochs
    # Each member of the ensemble sees the size that it was trained at.
    "teacher": {
        "T224": (SMALL, 224),
        "T384": (LARGE, 384),
        "ensemble": (f"{SMALL}@224,{LARGE}", 384),
    },
    "size of the student's images": {"S224": 224, "S160": 160},
    "student": {
        "resnet": ("bit_resnet", {"depth": 50, "width": 1.0}),
        "mobilenet_gn": ("mobilenet_v3_large", {**MOBILENET, "norm": "group"}),
        # At this length the statistics have the time for Keras's own momentum.
        "mobilenet_bn": ("mobilenet_v3_large", {**MOBILENET, "norm": "batch", "momentum": 0.999}),
    },
    "optimizer": {
        "adamw": {"weight_decay": 3e-4, "warmup": "5000 steps"},
        "shampoo": {
            "optimizer": "shampoo",
            "schedule": "quadratic",
            "weight_decay": 3.75e-4,
            "warmup": "1800 steps",
            # The paper tells the first two, and no learning rate: grafted on Adam's steps, the
            # one of AdamW carries over.
            "optimizer_options": {
                "block_size": 128,
                "nesterov": True,
                "momentum": 0.9,
                "grafting": "adam",
                "interval": 10,
                "inverse_root": "eigh",
            },
        },
    },
}


def get_config(words="medium"):
    """The recipe that the words choose."""
    values, words = chosen(words, GROUPS)
    epochs, (teacher, teacher_side), side, (student, kwargs), optimizer = values.values()
    config = recipe(
        "_".join(["imagenet", *words]),
        "tfds:imagenet2012",
        "train[:98%]",
        "validation",
        teacher,
        epochs=epochs,
        temperature=1.0,
        learning_rate=0.03,
        **optimizer,
    )
    config.batch_size = 4096
    # Both models see one crop, at their own sizes: the share of the image is that of 224 px.
    set_sides(config, 256, 224)
    config.data.resolution, config.data.teacher_resolution = side, teacher_side
    config.student.model = {"name": student, "kwargs": kwargs}
    return config
