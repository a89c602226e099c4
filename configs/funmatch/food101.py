"""Food-101, 101 dishes in 75,750 training images, by function matching.

Paper: Beyer et al. 2021, arXiv 2106.05237, the best settings for each length.
Command: keras-kd-train --config=configs/funmatch/food101.py:medium \\
    --workdir=workdir/food101 --config.data.data_dir=DATA
Published result: test accuracy 83.29 % (fast), 86.64 % (medium), 87.20 % (long); teacher 86.24 %.
Published time: fast about 45 minutes on a TPU v2-8, long about 14 hours on a v3-8.
"""

from keras_kd.configs.funmatch import chosen, recipe

LENGTHS = {
    "medium": {"epochs": 1_000, "temperature": 10.0, "learning_rate": 1e-3, "weight_decay": 3e-4},
    "fast": {"epochs": 100, "temperature": 10.0, "learning_rate": 1e-2, "weight_decay": 1e-3},
    "long": {"epochs": 3_000, "temperature": 5.0, "learning_rate": 1e-2, "weight_decay": 1e-4},
}


def get_config(length="medium"):
    """The recipe of a length: fast, medium or long."""
    values, words = chosen(length, {"length": LENGTHS})
    return recipe(
        "_".join(["food101", *words]),
        "tfds:food101",
        "train[:90%]",  # the last tenth was held out to choose the settings
        "validation",  # what TFDS calls the data set's test images
        "bit:R152x2-food128",
        **values["length"],
    )
