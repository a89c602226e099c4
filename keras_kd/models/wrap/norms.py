"""Statistics of batch norms, measured anew: those of before are of channels that are gone."""

import keras
import numpy as np

from keras_kd.models.wrap.graph import calls_of


class _Measured(keras.layers.Layer):
    """Batch norm by the batch's own statistics, which come out too."""

    def __init__(self, norm):
        super().__init__(dtype="float32")
        self.epsilon = norm.epsilon
        self.gamma = np.asarray(norm.gamma) if norm.scale else 1.0
        self.beta = np.asarray(norm.beta) if norm.center else 0.0

    def call(self, inputs):
        mean, variance = keras.ops.moments(inputs, axes=list(range(len(inputs.shape) - 1)))
        scaled = (inputs - mean) * keras.ops.rsqrt(variance + self.epsilon) * self.gamma
        return scaled + self.beta, mean, variance


def measure_norms(model, batches):
    """Gives every batch norm the mean and variance of what it sees on some images.

    Each batch is normalised by its own statistics, as in training; a norm gets the mean of the
    batches' means, and their variance in all (that within batches and that between them).

    Args:
        model: functional Keras model.
        batches: iterable of float arrays `[B, H, W, C]`.
    """
    network = calls_of(model)
    made, norms, outputs = {id(network.images): network.images}, [], []
    for call in network.calls:
        layer = call.layer
        if isinstance(layer, keras.layers.BatchNormalization) and layer not in norms:
            norms.append(layer)
            result, *statistics = _Measured(layer)(made[id(call.tensors[0])])
            outputs.append(statistics)
        else:
            result = call.again(made)
        made[id(call.output)] = result
    if not norms:
        return
    measuring = keras.Model(network.images, outputs)
    found = [
        [np.asarray(one, "float64") for one in keras.tree.flatten(measuring(batch, training=False))]
        for batch in batches
    ]
    for index, norm in enumerate(norms):
        means, variances = (np.stack([one[2 * index + i] for one in found]) for i in (0, 1))
        norm.moving_mean.assign(means.mean(axis=0))
        norm.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))
