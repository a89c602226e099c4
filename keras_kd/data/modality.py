"""The student's modality: what it sees of the images on which its teacher sees all.

Paper: Gupta et al. 2016, "Cross Modal Distillation for Supervision Transfer", arXiv 1507.00448.
"""

from dataclasses import dataclass

from keras_kd.data import op_text
from keras_kd.data.ops.base import FloatOp

BOTH = ("student", "teacher")


@dataclass(frozen=True)
class Modality:
    """Ops that make the images of a modality, behind a view: their geometry is the view's.

    Attributes:
        ops: tuple of `FloatOp` that draw nothing.
        roles: who sees it, of `student` and `teacher`; the others see the images as they are.
        paired: whether the ops start from the second image of each example, see
            `keras_kd.data.paired`.
    """

    ops: tuple
    roles: tuple = ("student",)
    paired: bool = False

    @classmethod
    def parse(cls, text, name="student_view", roles=("student",)):
        """The modality of a text such as "gray" or "gray|lowres(24)".

        Args:
            text: ops, see `keras_kd.data.op_text.parse`.
            name: of the argument or config key that holds the text, for messages.
            roles: who sees it.

        Raises:
            ValueError: unknown ops, bad parameters, or ops that draw, crop or mix.
        """
        ops = tuple(op_text.parse(text, name))
        for op in ops:
            if not isinstance(op, FloatOp) or op.random:
                there = [one for one, kind in op_text.OPS.items()
                         if issubclass(kind, FloatOp) and not kind.random]  # fmt: skip
                raise ValueError(
                    f"{name} must hold ops that make another modality of an image and leave its "
                    f"geometry, which the teacher shares: {', '.join(there)}. Received: "
                    f"{name}={text!r}. Put {op.name} into the student_view of a stage."
                )
        return cls(ops, roles)

    def __str__(self):
        """The text of its ops, behind that of a second image where there is one."""
        return "|".join(["paired"] * self.paired + [str(op) for op in self.ops])

    def apply(self, image):
        """The image in this modality: float32 `[L, L, C]` in [-1, 1], of one like it."""
        for op in self.ops:
            image = op.apply(image, ())
        return image
