"""Kernels that read cut channels, fitted anew: each layer gives what it gave as nearly as it can.

He et al. 2017 (Channel Pruning for Accelerating Very Deep Neural Networks), arXiv 1707.06168.
"""

import keras
import numpy as np

from keras_kd.models.wrap.walk import Walk, few_enough, is_fitted, rows_in, rows_out

RIDGE = 0.1  # rows that hold on to the kernel that was cut: what few rows do not tell stays


def refit(network, keep, layers, images):
    """Fits each linear layer that has lost some of its input, one after the other, to the outputs
    that it had in the whole network, by least squares; measures batch norms on the way.

    Args:
        network: `Network` that `follow` gave, of the whole network.
        keep: bool array, one a channel group.
        layers: dict from the `id` of each of its layers with weights to the cut one.
        images: float array `[N, H, W, C]`; more than fit into memory are left aside.
    """
    kept = keep[network.groups.group_of]

    def rows_of(call, layer, there, here):
        if not is_fitted(call) or kept[call.ins[0]].all():
            return None
        return layer, rows_in(layer, here), rows_out(call.layer, there)[:, kept[call.out]]

    fit_through(network, layers, images, rows_of)


def fit_through(network, layers, images, rows_of):
    """Fits layers that stand in the place of others, one after the other on what comes to them.

    Args:
        network: `Network` of the others.
        layers: dict from the `id` of each of its layers with weights to what is called in its
            place.
        images: float array `[N, H, W, C]`; more than fit into memory are left aside.
        rows_of: function of a `Call`, what is called in its place, and what goes into either; gives
            (a linear layer, what its kernel is multiplied with `[M, C]`, what it should give
            without its bias `[M, D]`), or None where nothing is fitted.
    """
    images = few_enough(network, images)
    whole, new = Walk(network, images), Walk(network, images, layers)
    before_norms, done = _before_norms(network), set()
    for call in network.calls:
        layer = layers.get(id(call.layer))
        if layer is not None and id(layer) not in done:
            done.add(id(layer))
            here, there = (walk.value(call.tensors[0]) for walk in (new, whole))
            if isinstance(layer, keras.layers.BatchNormalization):
                _measure(layer, here)
            elif found := rows_of(call, layer, there, here):
                fitted, x, y = found
                _fit(fitted, x, y, free=fitted.use_bias or id(call.output) in before_norms)
        whole.step(call)
        new.step(call)


def least_squares(x, y, kernel, ridge=RIDGE):
    """The kernel next to a given one that gives y for x.

    Args:
        x: `[M, C]`.
        y: `[M, D]`.
        kernel: `[C, D]`.
        ridge: how much it holds on to that one, in rows of x of the mean length.

    Returns:
        float64 `[C, D]`: the minimum of |x K - y|^2 + ridge * mean(|x_m|^2) |K - kernel|^2.
    """
    x, kernel = np.asarray(x, "float64"), np.asarray(kernel, "float64")
    gram = x.T @ x
    hold = max(ridge * np.trace(gram) / len(x), np.finfo(float).tiny)
    change = np.linalg.solve(gram + hold * np.eye(len(gram)), x.T @ (y - x @ kernel))
    return kernel + change


def _fit(layer, x, y, free):
    """`free`: whether a constant may be added, by the layer's bias or by the norm that follows."""
    kernel = np.asarray(layer.kernel)
    flat = kernel.reshape(-1, kernel.shape[-1])
    means = (x.mean(axis=0), y.mean(axis=0)) if free else (0.0, 0.0)
    found = least_squares(x - means[0], y - means[1], flat)
    layer.kernel.assign(found.reshape(kernel.shape))
    if layer.use_bias:
        layer.bias.assign_add((means[1] - means[0] @ found).astype("float32"))


def _measure(norm, x):
    axes = [i for i in range(len(x.shape)) if i != norm.axis % len(x.shape)]
    mean, variance = keras.ops.moments(keras.ops.cast(x, "float32"), axes)
    norm.moving_mean.assign(mean)
    norm.moving_variance.assign(variance)


def _before_norms(network):
    """ids of the tensors that only batch norms take."""
    takers = {}
    for call in network.calls:
        for x in call.tensors:
            takers.setdefault(id(x), []).append(call.layer)
    norm = keras.layers.BatchNormalization
    return {x for x, found in takers.items() if all(isinstance(one, norm) for one in found)}
