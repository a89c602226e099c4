"""Hints: the student's features regress the teacher's, through a projector where shapes differ."""

import keras
from keras import layers, ops

from keras_kd.methods.arguments import boolean
from keras_kd.methods.base import Method
from keras_kd.methods.features import FLOAT, Chain


@keras.saving.register_keras_serializable(package="keras_kd")
class Hint(Method):
    """Regresses tapped features of the teacher from tapped features of the student.

    The loss of an example is the mean squared difference over all positions and channels, summed
    over the pairs of taps. Where the shapes of a pair differ, a linear projector is learned with
    the student: a 1x1 convolution (or a dense layer) when only the channels differ, a strided one
    when the student's map is a multiple of the teacher's, a transposed one when it is a fraction,
    bilinear resizing and a 1x1 convolution otherwise.

    The distance is that of the public implementations (the paper halves the sum of squares). Their
    projector ends in a batch norm and a ReLU, as the layers that it regresses do, and is there for
    equal shapes too: `normalize=True` does that. Sizes other than half, equal and double meet
    there, as in the paper, through a kernel of one more than their difference.

    Under several replicas the batch norm of `normalize=True` is that of the *replica's own* part of
    the batch, so two replicas do not equal one; without it they do.

    Knowledge: feature. Needs: taps on both sides; no labels.
    Paper: Romero et al. 2015 (FitNets), arXiv 1412.6550.

    Args:
        student_taps: names of the guided layers, at least one.
        teacher_taps: names of the hint layers, as many.
        normalize: whether each pair has a projector that ends in batch norm and ReLU. For features
            that are never negative.
        **kwargs: as for `Method`. The public implementations' weight, with `normalize`, is 100.

    Raises:
        ValueError: no taps, or shapes that no projector can bring together.
    """

    def __init__(self, student_taps=(), teacher_taps=(), normalize=False, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.normalize = boolean(normalize=normalize)
        if not self.student_taps:
            raise ValueError(
                "Hint matches features, so it needs taps. Received: student_taps=[]. Name layers, "
                "for example Hint(student_taps=['stage3'], teacher_taps=['stage3'])."
            )
        self.projectors = []

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for index, (student, teacher) in enumerate(self.pairs(student_shape, teacher_shape)):
            student, teacher = tuple(student), tuple(teacher)
            _check(self.student_taps[index], student, self.teacher_taps[index], teacher)
            if len(student) == 4 and len(teacher) == 2:
                student = (student[0], student[3])  # a map meets a vector: pool it first
            projector = layers.Identity(dtype=FLOAT)
            if student[1:] != teacher[1:] or self.normalize:
                projector = _projector(student, teacher)
            if self.normalize:
                norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=FLOAT)
                projector = Chain([projector, norm, layers.ReLU(dtype=FLOAT)])
            projector.build(student)
            self.projectors.append(projector)
        self.built = True

    def call(self, batch, student, teacher):
        loss = 0.0
        for projector, (s, t) in zip(self.projectors, self.pairs(student, teacher)):
            if len(s.shape) == 4 and len(t.shape) == 2:
                s = ops.mean(s, axis=(1, 2))
            squares = ops.square(projector(s) - t)
            loss += ops.mean(squares, axis=tuple(range(1, len(t.shape))))
        return loss

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}


def _check(student_tap, student, teacher_tap, teacher):
    ranks = (len(student), len(teacher))
    known = None not in student[1:] and None not in teacher[1:]
    if known and (
        ranks in ((2, 2), (4, 2), (4, 4)) or (ranks == (3, 3) and student[1] == teacher[1])
    ):
        return
    raise ValueError(
        "A hint needs features of known shape: vectors [B, C], maps [B, H, W, C] or sequences "
        "[B, N, C] of the same length; a map may also meet a vector. "
        f"Received: student tap {student_tap!r} {student}, teacher tap {teacher_tap!r} {teacher}. "
        "Choose taps of matching kinds (a transformer's 'block3_map' is a map) and give the models "
        "fixed input sizes."
    )


def _projector(student, teacher):
    """A linear layer from the student's shape to the teacher's."""
    channels = teacher[-1]
    if len(teacher) != 4:
        return layers.Dense(channels, dtype=FLOAT, name="projector")
    size, target = student[1:3], teacher[1:3]
    if all(s % t == 0 for s, t in zip(size, target)):
        stride = tuple(s // t for s, t in zip(size, target))
        kernel = tuple(1 if step == 1 else step + 1 for step in stride)
        return layers.Conv2D(channels, kernel, stride, "same", dtype=FLOAT, name="projector")
    if all(t % s == 0 for s, t in zip(size, target)):
        stride = tuple(t // s for s, t in zip(size, target))
        kernel = tuple(2 * step for step in stride)
        return layers.Conv2DTranspose(
            channels, kernel, stride, "same", dtype=FLOAT, name="projector"
        )
    # Sizes with no common factor: bring the map to the teacher's size, then mix the channels.
    resize = layers.Resizing(*target, interpolation="bilinear", dtype=FLOAT)
    return Chain([resize, layers.Conv2D(channels, 1, dtype=FLOAT)])
