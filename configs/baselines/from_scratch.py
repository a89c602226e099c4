"""Pets, the student from random weights: on labels alone, and by function matching, as long.

Paper: Beyer et al. 2021, arXiv 2106.05237.
Command: keras-kd-train --config=configs/baselines/from_scratch.py --workdir=workdir/from_scratch
Published result: 74.24 % on labels (the best of its sweep), 88.01 % by function matching, teacher
91.03 %.

The settings of the distillation are the paper's. Those of the student on labels are this project's
own choice: neither the paper nor its public code tells the ones behind the 74.24 %, the best of a
sweep, so this run need not come near them.
"""

from keras_kd.configs.baselines import pets
from keras_kd.configs.funmatch import PAPERS_ADAM


def get_config():
    """The baseline is the student on labels, for as many steps."""
    config = pets("from_scratch")
    config.baseline.enabled = True
    # Not the paper's: the distillation's length, rate and decay, and its crop without the mixup.
    config.baseline.update(
        mode="same/ic", total="1000 epochs", warmup="1500 steps", interval="1000 steps",
        learning_rate=1e-2, weight_decay=1e-3,
        optimizer_options=PAPERS_ADAM,
    )  # fmt: skip
    return config
