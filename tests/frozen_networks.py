"""Networks with norms that are not trivial, to be folded, and what their folding merges."""

import numpy as np

from keras_kd import models

NETWORKS = {
    "resnet": lambda: models.resnet(8, 0.5, 5, (8, 8, 1)),
    "bit": lambda: models.bit_resnet((1, 1), 0.25, 5, (32, 32, 3)),
    "bit_batch": lambda: models.bit_resnet((1, 1), 0.25, 5, (16, 16, 3), norm="batch"),
    "resnet50": lambda: models.resnet50(5, (32, 32, 3)),
    "mobilenet": lambda: models.mobilenet_v3_small(5, (32, 32, 3), 0.35),
    "efficientnet": lambda: models.efficientnet_lite(0, 5, (32, 32, 3)),
    "vit": lambda: models.vit("Ti", 5, (8, 8, 3), patch=4, width=12, depth=2, mlp_width=20),
}


FOLDED = {
    "resnet": 7,
    "bit": 0,
    "bit_batch": 4,
    "resnet50": 53,
    "mobilenet": 34,
    "efficientnet": 49,
    "vit": 0,
}


def randomized(model):
    """Statistics, scales and shifts that are not those of a fresh network."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        name, shape = variable.name, variable.shape
        if "variance" in name or "gamma" in name:
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif "mean" in name or "beta" in name or "bias" in name:
            variable.assign(rng.normal(size=shape) * 0.3)
        elif not np.any(variable.numpy()):  # heads that start at zero
            variable.assign(rng.normal(size=shape) * 0.1)
    model.trainable = False
    return model


def pictures(model, count=3):
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


def assert_close(outputs, reference):
    """To 1e-4, or that share of the largest value where it is above 1."""
    gap = np.abs(np.asarray(outputs) - np.asarray(reference))
    assert gap.max() / max(1, np.abs(reference).max()) < 1e-4
    assert np.ptp(reference) > 1e-2  # constants would agree with anything
