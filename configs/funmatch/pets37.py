"""Oxford-IIIT Pets, 37 breeds of cats and dogs, by function matching.

Paper: Beyer et al. 2021, arXiv 2106.05237, the best settings for each length.
Command: keras-kd-train --config=configs/funmatch/pets37.py:medium \\
    --workdir=workdir/pets37 --config.data.data_dir=DATA
Published result: test accuracy 88.01 % (fast), 90.08 % (medium), 91.06 % (long); teacher 91.03 %.
Published time: fast about 28 minutes, long about 11 hours, both on a TPU v2-8.
"""

from keras_kd.configs.funmatch import chosen, recipe

LENGTHS = {
    "medium": {"epochs": 3_000, "temperature": 10.0, "learning_rate": 3e-3, "weight_decay": 3e-4},
    "fast": {"epochs": 1_000, "temperature": 5.0, "learning_rate": 1e-2, "weight_decay": 1e-3},
    "long": {"epochs": 30_000, "temperature": 2.0, "learning_rate": 3e-3, "weight_decay": 1e-5},
}


def get_config(length="medium"):
    """The recipe of a length: fast, medium or long."""
    values, words = chosen(length, {"length": LENGTHS})
    return recipe(
        "_".join(["pets37", *words]),
        "tfds:oxford_iiit_pet",
        "train[:90%]",  # the last tenth was held out to choose the settings
        "test",
        "bit:R152x2-pets128",
        **values["length"],
    )
