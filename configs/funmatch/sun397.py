"""SUN397, 397 kinds of scenes in 76,128 training images, by function matching.

Paper: Beyer et al. 2021, arXiv 2106.05237, the best settings for each length.
Command: keras-kd-train --config=configs/funmatch/sun397.py:medium \\
    --workdir=workdir/sun397 --config.data.data_dir=DATA
Published result: test accuracy 68.28 % (fast), 73.46 % (medium), 74.26 % (long); teacher 74.22 %.
"""

from keras_kd.configs.funmatch import chosen, recipe

LENGTHS = {
    # The paper's table; its authors' published config has a rate of 1e-3 here.
    "medium": {"epochs": 1_000, "temperature": 10.0, "learning_rate": 3e-3, "weight_decay": 1e-4},
    "fast": {"epochs": 100, "temperature": 10.0, "learning_rate": 1e-2, "weight_decay": 1e-3},
    "long": {"epochs": 3_000, "temperature": 10.0, "learning_rate": 1e-2, "weight_decay": 3e-5},
}


def get_config(length="medium"):
    """The recipe of a length: fast, medium or long."""
    values, words = chosen(length, {"length": LENGTHS})
    return recipe(
        "_".join(["sun397", *words]),
        "tfds:sun397",
        "train",
        "test",
        "bit:R152x2-sun128",
        **values["length"],
    )
