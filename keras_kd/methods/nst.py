"""Neuron selectivity transfer: the distribution of the channels' patterns."""

import keras
from keras import ops

from keras_kd.methods.features import FeatureMethod, same_size, unit


def patterns(x):
    """Each channel's map as a unit vector over the positions: `[B, H, W, C]` -> `[B, H * W, C]`."""
    x = ops.reshape(x, (ops.shape(x)[0], x.shape[1] * x.shape[2], x.shape[3]))
    return unit(x, axis=1)


def kernel_mean(a, b):
    """Mean over all pairs of channels of (a_i . b_j)^2: `[B, P, M]`, `[B, P, N]` -> `[B]`."""
    return ops.mean(ops.square(ops.einsum("bpm,bpn->bmn", a, b)), axis=(1, 2))


@keras.saving.register_keras_serializable(package="keras_kd")
class NST(FeatureMethod):
    """Matches where the channels fire by their maximum mean discrepancy under a squared kernel.

    Channels are samples of a distribution, so teacher and student may have different numbers of
    them; the larger map of a pair is pooled. Summed over the pairs of taps.

    Knowledge: feature. Needs: taps on both sides that are maps; no labels.
    Paper: Huang, Wang 2017, arXiv 1707.01219.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        **kwargs: as for `Method`. The paper's weight is 50 for this kernel.

    Raises:
        ValueError: no taps, or taps that are no maps of known size.
    """

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            s, t = map(patterns, same_size(s, t))
            loss += kernel_mean(t, t) + kernel_mean(s, s) - 2.0 * kernel_mean(s, t)
        return loss
