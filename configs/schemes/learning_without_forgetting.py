"""Digits in two lessons: 0 to 4, then 5 to 9 without an image of the first, and none forgotten.

The baseline takes the second lesson on labels alone. The report tells how each network does on the
classes of each lesson, told which lesson an image is of, and not told.

Paper: Li, Hoiem 2016, "Learning without Forgetting", arXiv 1606.09282.
Command: keras-kd-train --config=configs/schemes/learning_without_forgetting.py
    --workdir=workdir/lwf
    With the paper's warm-up, in which the new rows learn alone for five epochs:
    ...learning_without_forgetting.py:warm_up
Published result: none on digits, which are here to show the scheme; seen: docs/results.md.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits

OLD, NEW = ("0", "1", "2", "3", "4"), ("5", "6", "7", "8", "9")


def get_config(variant=""):
    """The demo's student, that learns the digits in two stages.

    Args:
        variant: warm_up, for a stage between them; empty: none.
    """
    config = digits.get_config()
    config.name = "learning_without_forgetting"
    lesson = {"mode": "same/ic", "total": "40 epochs", "interval": "5 epochs"}
    config.old = network(train=stage(classes=OLD, **lesson))
    config.old.model.kwargs = config.student.model.kwargs
    config.student = network("extend", of="old")
    config.baseline.update(classes=NEW, **lesson)
    config.distil.update(teachers=("old",), classes=NEW, label_weight=1.0, **lesson)
    config.distil.methods = {"learning_without_forgetting": {"temperature": 2.0}}
    config.stages = ("old", "baseline", "distil")
    if variant == "warm_up":
        warm_up = stage(classes=NEW, mode="same/ic", total="5 epochs", interval="1 epochs")
        config.extended = network("extend", train=warm_up, of="old", head_alone=True)
        config.student = network("continued", of="extended")
        config.stages = ("old", "extended", "baseline", "distil")
    elif variant:
        raise ValueError(f"The variant must be warm_up or empty. Received: variant={variant!r}.")
    return config
