"""FSP: the relation between two layers of one network, the flow of its solution procedure."""

import itertools

import keras
from keras import layers, ops

from keras_kd.methods.features import FLOAT, FeatureMethod, same_size


def flow(early, late):
    """The FSP matrix: inner products of the channels of two layers over all positions.

    Args:
        early: float32 `[B, H, W, M]`.
        late: float32 `[B, h, w, N]`; the larger of the two maps is pooled to the smaller.

    Returns:
        float32 `[B, M, N]`, the mean over the positions.
    """
    early, late = same_size(early, late)
    positions = early.shape[1] * early.shape[2]
    return ops.einsum("bhwm,bhwn->bmn", early, late) / positions


@keras.saving.register_keras_serializable(package="keras_kd")
class FSP(FeatureMethod):
    """Matches the FSP matrices of each two consecutive taps.

    The mean squared difference of the M x N matrices, as in the public implementation (the paper
    sums), summed over the consecutive pairs. Positions are averaged out, so teacher and student
    may see images of different sizes; within a network the larger map is pooled to the smaller
    (average pooling as in the public implementation, the paper takes maxima). Where the channels
    of a student's tap differ from the teacher's, a 1x1 convolution learned with the student
    brings them to as many; the public implementation refuses such pairs.

    Knowledge: relation. Needs: two or more taps on both sides that are maps, in order; no labels.
    Paper: Yim, Joo, Bae, Kim 2017, CVPR (no arXiv version).

    Args:
        student_taps: names of the student's layers from early to late, at least two.
        teacher_taps: names of the teacher's layers, as many.
        **kwargs: as for `Method`. The public implementations use this loss in an initial stage
            without labels, unweighted.

    Raises:
        ValueError: fewer than two taps, or taps that are no maps of known size.
    """

    least_taps = 2

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.adapters = []
        for student, teacher in self.shape_pairs(student_shape, teacher_shape):
            adapter = layers.Identity(dtype=FLOAT)
            if student[-1] != teacher[-1]:
                adapter = layers.Conv2D(teacher[-1], 1, use_bias=False, dtype=FLOAT)
            adapter.build(student)
            self.adapters.append(adapter)
        self.built = True

    def call(self, batch, student, teacher):
        maps = [
            (adapter(s), t) for adapter, (s, t) in zip(self.adapters, self.pairs(student, teacher))
        ]
        loss = 0.0
        for (s, t), (next_s, next_t) in itertools.pairwise(maps):
            gap = flow(s, next_s) - flow(t, next_t)
            loss += ops.mean(ops.square(gap), axis=(1, 2))
        return loss
