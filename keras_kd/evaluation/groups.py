"""Accuracy on some of the classes: told that the image is of one of them, and not told."""

import numpy as np


def group_accuracy(logits, labels, classes):
    """How often a network is right on images of some classes.

    Args:
        logits: `[N, K]`, of images of all classes.
        labels: int `[N]`.
        classes: indices of some of the K classes.

    Returns:
        dict of shares in [0, 1]: `told`, where the answer is the largest logit of these classes;
        `all`, where it is that of all. Both None where no image is of these classes.
    """
    logits, labels, classes = np.asarray(logits), np.asarray(labels), np.asarray(classes)
    own = np.isin(labels, classes)
    if not own.any():
        return {"told": None, "all": None}
    logits, labels = logits[own], labels[own]
    told = classes[logits[:, classes].argmax(axis=-1)]
    return {
        "told": float(np.mean(told == labels)),
        "all": float(np.mean(logits.argmax(axis=-1) == labels)),
    }
