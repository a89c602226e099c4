"""How much a network would miss each of its channel groups.

- `l1`: the L1 norm of the kernels that read a group, times what it is scaled by before: the sum of
  its norms' absolute scales and offsets, or, without norms, the L1 norm of the filters that make it
  (Li et al. 2017, arXiv 1608.08710). A group that nobody reads, or that is always zero, has 0.
- `bn`: the norms' absolute scales (Liu et al. 2017, arXiv 1708.06519); `l1` for those without norm.
- `taylor`: the mean over images of (the sum over the kernels that read a group of weight times
  gradient)^2, that is of what the loss changes by to first order when the group falls silent
  (Molchanov et al. 2019, arXiv 1906.10771). The loss is the cross-entropy of the class that the
  network itself names, so that no labels are wanted.
- `regression`: what share of its readers' outputs a group explains beside the better ones, on some
  images, see `keras_kd.models.wrap.regression`; `l1` where no reader is linear.
- `random`: a draw, as a control.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models.wrap.regression import regression
from keras_kd.utils.names import nearest

KINDS = ("l1", "bn", "taylor", "regression", "random")
FEW = 64  # images for gradients
BY_IMAGES = ("taylor", "regression")


def check(kind):
    """Refuses an unknown kind of importance."""
    if kind not in KINDS:
        raise ValueError(
            f"importance must be one of {', '.join(KINDS)}. Received: importance={kind!r}."
            f"{nearest(str(kind), KINDS)}"
        )


def importance_of(network, kind, images=None, seed=0):
    """The importance of each channel group.

    Args:
        network: `Network` that `follow` gave.
        kind: one of `KINDS`.
        images: float `[N, H, W, C]`; for those of `BY_IMAGES`.
        seed: for `random`.

    Returns:
        float64 array `[groups]`, 0 or more.
    """
    groups = network.groups
    if kind == "random":
        return np.random.default_rng(seed).random(groups.count)
    if kind == "taylor":
        return _taylor(network, images[:FEW])
    if kind == "regression":
        return regression(network, images, importance_of(network, "l1"))
    weights = {
        id(weight): np.abs(np.asarray(weight, "float64"))
        for call in network.first_calls().values()
        for weight in getattr(call.layer, "weights", ())
    }
    read, normed, written = (np.zeros(groups.count) for _ in range(3))
    has_norm = np.zeros(groups.count, bool)
    gamma = np.zeros(groups.count)
    for _, part, weight in _parts(network):
        sums = _along(weights[id(weight)], part.axis)
        group = groups.group_of[part.ids]
        if part.role == "reads":
            np.add.at(read, group, sums)
        elif part.weight in ("gamma", "beta"):
            np.add.at(normed, group, sums)
            has_norm[group] = True
            if part.weight == "gamma":
                np.add.at(gamma, group, sums)
        elif part.role == "writes":
            np.add.at(written, group, sums)
    l1 = read * np.where(has_norm, normed, written)
    return np.where(gamma > 0, gamma, l1 * ~has_norm) if kind == "bn" else l1


def _parts(network):
    """(call, part, weight) of every weight that holds channels, each layer once."""
    for call in network.first_calls().values():
        by_name = {weight.name: weight for weight in getattr(call.layer, "weights", ())}
        for part in call.rule.parts(call):
            yield call, part, by_name[part.weight]


def _along(values, axis):
    """Sums over all axes but one."""
    return values.sum(axis=tuple(i for i in range(values.ndim) if i != axis))


def _taylor(network, images):
    model = keras.Model(network.images, network.logits)  # for images of the cut network's size
    parts = [(part, weight) for _, part, weight in _parts(network) if part.role == "reads"]
    variables = [weight.value for _, weight in parts]
    group_of, total = network.groups.group_of, np.zeros(network.groups.count)

    @tf.function(reduce_retracing=True)
    def gradients(image):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in variables:
                tape.watch(variable)
            logits = tf.cast(model(image, training=False), "float32")
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(logits, -1), logits)
        return tape.gradient(loss, variables)

    for image in images:
        change = np.zeros(network.groups.count)
        for (part, weight), gradient in zip(parts, gradients(image[None])):
            product = np.asarray(weight, "float64") * np.asarray(gradient, "float64")
            np.add.at(change, group_of[part.ids], _along(product, part.axis))
        total += change**2
    return total / len(images)
