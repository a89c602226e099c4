"""Attention relations: how each place of an image looks at the others, head by head."""

import keras
from keras import ops

from keras_kd.methods.arguments import boolean, integer
from keras_kd.methods.base import Method
from keras_kd.methods.features import same_size


def relation(queries, keys, heads):
    """Logarithms of how each place looks at the others: scaled dot products, their softmax.

    Args:
        queries: float32 `[B, N, D]`, the heads' channels one after another.
        keys: the same shape.
        heads: number of heads, a divisor of D.

    Returns:
        float32 `[B, heads, N, N]`, whose exponentials sum to 1 over the last axis.
    """
    _, places, channels = queries.shape
    size = channels // heads

    def split(x):
        return ops.transpose(ops.reshape(x, (-1, places, heads, size)), (0, 2, 1, 3))

    scores = ops.matmul(split(queries), ops.transpose(split(keys), (0, 1, 3, 2)))
    return ops.log_softmax(scores * size**-0.5, axis=-1)


def divergence(teacher, student):
    """Mean over heads and places of KL(teacher || student), of logarithms `[B, h, N, N]`: `[B]`."""
    return ops.mean(ops.sum(ops.exp(teacher) * (teacher - student), axis=-1), axis=(1, 2))


@keras.saving.register_keras_serializable(package="keras_kd")
class AttentionRelation(Method):
    """Matches the attention that a layer's places pay to one another, whatever the channels mean.

    MiniLMv2 (`attention=False`): every pair of taps gives a relation of the tap with itself, that
    of queries, of keys, or of values. All heads' channels are split anew into `heads` relation
    heads, so that teacher and student may have other widths and numbers of heads. MiniLM
    (`attention=True`): taps come in threes, the queries, keys and values of a block; the relations
    are the attention itself and that of the values, and `heads` is the blocks' own number.

    The loss of a relation is the mean over heads and places of KL(teacher || student); relations
    are summed. Maps `[B, H, W, C]` serve as tokens, the larger of a pair pooled, so that a
    transformer can teach a convolutional network by `block3_map` and the other way round.

    Knowledge: relation. Needs: taps on both sides, tokens or maps; no labels.
    Paper: Wang et al. 2020, arXiv 2002.10957; Wang et al. 2021 (MiniLMv2), arXiv 2012.15828.

    Args:
        student_taps: of a `keras_kd.models.vit`, ["block3_query", "block3_key", "block3_value"].
        teacher_taps: as many. The papers tap the last block of the student, and of large teachers
            one some blocks before the last.
        heads: number of relation heads, which divides the channels of every tap. MiniLMv2 takes
            48 or 64 for 768 and 1,024 channels.
        attention: whether queries meet keys.
        **kwargs: as for `Method`. The papers' weight is 1.

    Raises:
        ValueError: no taps, taps of other kinds or numbers of places, or heads that do not divide.
    """

    def __init__(self, student_taps=(), teacher_taps=(), heads=1, attention=False, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.heads = integer(heads=heads)
        self.attention = boolean(attention=attention)
        if not self.student_taps:
            raise ValueError(
                "AttentionRelation matches how places look at one another, so it needs taps. "
                "Received: student_taps=[]. Name layers, for example student_taps=['block3_query', "
                "'block3_key', 'block3_value']."
            )
        if self.attention and len(self.student_taps) % 3:
            raise ValueError(
                "attention=True needs the queries, keys and values of each block. Received: "
                f"student_taps={list(self.student_taps)}. Name three layers a block."
            )

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for index, (s, t) in enumerate(self.pairs(student_shape, teacher_shape)):
            self._check(self.student_taps[index], tuple(s), self.teacher_taps[index], tuple(t))
        self.built = True

    def call(self, batch, student, teacher):
        pairs = [_tokens(s, t) for s, t in self.pairs(student, teacher)]
        loss = 0.0
        for first, second in self._relations(pairs):
            s, t = (relation(q, k, self.heads) for q, k in zip(first, second))
            loss += divergence(t, s)
        return loss

    def _relations(self, pairs):
        """What meets what, each a pair of student and teacher."""
        if not self.attention:
            return [(pair, pair) for pair in pairs]
        blocks = [pairs[start : start + 3] for start in range(0, len(pairs), 3)]
        return [both for q, k, v in blocks for both in ((q, k), (v, v))]

    def _check(self, student_tap, student, teacher_tap, teacher):
        ranks = (len(student), len(teacher))
        known = None not in student[1:] + teacher[1:]
        same = ranks == (4, 4) or (ranks == (3, 3) and student[1] == teacher[1])
        told = (
            f"Received: student tap {student_tap!r} {student}, teacher tap {teacher_tap!r} "
            f"{teacher}."
        )
        if not (known and same):
            raise ValueError(
                "AttentionRelation needs tokens [B, N, D] of as many places on both sides, or maps "
                f"[B, H, W, C] on both. {told} Tap maps, as block3_map is of a transformer, where "
                "one side has other places or a class token more."
            )
        if student[-1] % self.heads or teacher[-1] % self.heads:
            raise ValueError(
                f"heads must divide the channels of every tap. {told[:-1]}, heads={self.heads}. "
                "Take a common divisor of both."
            )

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "attention": self.attention}


def _tokens(student, teacher):
    """Two taps as tokens of as many places."""
    if len(student.shape) == 3:
        return student, teacher
    both = same_size(student, teacher)
    return tuple(ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3])) for x in both)
