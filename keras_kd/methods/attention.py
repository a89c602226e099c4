"""Attention transfer: where a layer looks, whatever its channels mean."""

import keras
from keras import ops

from keras_kd.methods.arguments import at_least
from keras_kd.methods.features import FeatureMethod, flat, same_size, unit


def attention_map(x, power=2.0):
    """Mean over the channels of |x|^p, as a vector of length 1.

    Args:
        x: float32 `[B, H, W, C]`.
        power: p, at least 1: below, the slope has no limit where x is 0.

    Returns:
        float32 `[B, H * W]`.
    """
    size = ops.square(x) if power == 2.0 else ops.power(ops.abs(x), power)
    return unit(flat(ops.mean(size, axis=-1)))


@keras.saving.register_keras_serializable(package="keras_kd")
class AttentionTransfer(FeatureMethod):
    """Matches the attention maps of tapped layers; the larger map of a pair is pooled.

    The mean over the positions of the squared difference, as in the authors' code (the paper
    writes the Euclidean distance), summed over the pairs of taps.

    Knowledge: feature. Needs: taps on both sides that are maps; no labels.
    Paper: Zagoruyko, Komodakis 2017, arXiv 1612.03928.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        power: p of the attention map, at least 1; the paper's value is 2.
        **kwargs: as for `Method`. The paper taps the end of each stage; its weight is 1000.

    Raises:
        ValueError: no taps, taps that are no maps of known size, or a power below 1.
    """

    def __init__(self, student_taps=(), teacher_taps=(), power=2.0, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.power = at_least(1, power=power)

    def call(self, batch, student, teacher):
        loss = 0.0
        for s, t in self.pairs(student, teacher):
            s, t = same_size(s, t)
            gap = attention_map(s, self.power) - attention_map(t, self.power)
            loss += ops.mean(ops.square(gap), axis=1)
        return loss

    def get_config(self):
        return {**super().get_config(), "power": self.power}
