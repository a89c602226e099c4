"""Oxford Flowers, 102 species in 1,020 training images, by function matching.

Paper: Beyer et al. 2021, arXiv 2106.05237, the best settings for each length.
Command: keras-kd-train --config=configs/funmatch/flowers102.py:medium \\
    --workdir=workdir/flowers102 --config.data.data_dir=DATA
Published result: test accuracy 92.83 % (fast), 95.54 % (medium), 96.93 % (long); teacher 97.82 %.
Published time: fast about 70 minutes on a TPU v2-8, long about 25 hours on a v3-32.
"""

from keras_kd.configs.funmatch import chosen, recipe

LENGTHS = {
    "medium": {
        "epochs": 100_000, "temperature": 1.0, "learning_rate": 1e-3, "weight_decay": 1e-4,
    },
    "fast": {"epochs": 10_000, "temperature": 10.0, "learning_rate": 3e-3, "weight_decay": 3e-4},
    "long": {
        "epochs": 1_000_000, "temperature": 1.0, "learning_rate": 3e-4, "weight_decay": 1e-5,
    },
}  # fmt: skip


def get_config(length="medium"):
    """The recipe of a length: fast, medium or long."""
    values, words = chosen(length, {"length": LENGTHS})
    return recipe(
        "_".join(["flowers102", *words]),
        "tfds:oxford_flowers102",
        "train",
        "test",
        "bit:R152x2-flowers128",
        **values["length"],
    )
