"""FSP: the relation between two layers of one network, the flow of its solution procedure."""

import itertools

import keras
from keras import layers, ops

from keras_kd.methods.arguments import boolean
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
    may see images of different sizes; the consecutive taps of one network have one size, unless
    `pool` says otherwise. Where the channels of a student's tap differ from the teacher's, a 1x1
    convolution learned with the student brings them to as many; the public implementation refuses
    such pairs.

    Knowledge: relation. Needs: two or more taps on both sides that are maps, in order, of one
    size within a network (or `pool`); no labels.
    Paper: Yim, Joo, Bae, Kim 2017, CVPR (no arXiv version).

    Args:
        student_taps: names of the student's layers from early to late, at least two.
        teacher_taps: names of the teacher's layers, as many.
        pool: whether the larger of two consecutive maps of different size is pooled to the
            smaller, by means as in the public implementation (the paper takes maxima).
        **kwargs: as for `Method`. The public implementations use this loss in an initial stage
            without labels, unweighted.

    Raises:
        ValueError: fewer than two taps, taps that are no maps of known size, or consecutive taps
            of different sizes without `pool`.
    """

    least_taps = 2

    def __init__(self, student_taps=(), teacher_taps=(), pool=False, **kwargs):
        super().__init__(student_taps, teacher_taps, **kwargs)
        self.pool = boolean(pool=pool)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.adapters = []
        pairs = self.shape_pairs(student_shape, teacher_shape)
        self._check_sizes("student", {tap: student_shape[tap][1:3] for tap in self.student_taps})
        self._check_sizes("teacher", {tap: teacher_shape[tap][1:3] for tap in self.teacher_taps})
        for student, teacher in pairs:
            adapter = layers.Identity(dtype=FLOAT)
            if student[-1] != teacher[-1]:
                adapter = layers.Conv2D(teacher[-1], 1, use_bias=False, dtype=FLOAT)
            adapter.build(student)
            self.adapters.append(adapter)
        self.built = True

    def _check_sizes(self, role, sizes):
        if self.pool or len(set(map(tuple, sizes.values()))) == 1:
            return
        found = ", ".join(f"{tap!r} {height} x {width}" for tap, (height, width) in sizes.items())
        raise ValueError(
            "FSP multiplies two consecutive layers position by position, so a network's taps need "
            f"one size. Received: the {role}'s taps {found}. Name layers of one size, one FSP for "
            "each size, or let the larger map be pooled to the smaller with pool=True."
        )

    def call(self, batch, student, teacher):
        maps = [
            (adapter(s), t) for adapter, (s, t) in zip(self.adapters, self.pairs(student, teacher))
        ]
        loss = 0.0
        for (s, t), (next_s, next_t) in itertools.pairwise(maps):
            gap = flow(s, next_s) - flow(t, next_t)
            loss += ops.mean(ops.square(gap), axis=(1, 2))
        return loss

    def get_config(self):
        return {**super().get_config(), "pool": self.pool}
