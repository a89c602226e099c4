"""What a teacher is asked for, and the error that says which argument is missing."""

from dataclasses import dataclass
from typing import NamedTuple

from keras_kd.models.pixels import Pixels

LAYOUTS = ("nhwc", "nchw")
NOTHING = Pixels()


class Asked(ValueError):
    """What only the user knows of a teacher: a refusal that one argument of `load` would mend.

    Args:
        text: the sentence.
        argument: name of the argument, which is the key of a network's section of a config, too.
        value: what to give, as it stands behind `--config.teacher.ARGUMENT=`.
    """

    def __init__(self, text, argument, value):
        super().__init__(text)
        self.argument, self.value = argument, value


class Answer(NamedTuple):
    """What is said of a model's answer, each empty where it is to be found out.

    Attributes:
        output: name of the output that is the logits.
        activation: what stands behind the logits, such as "softmax".
        classes: names of the classes in the order of the outputs, a tuple.
    """

    output: str = ""
    activation: str = ""
    classes: tuple = ()


UNSAID = Answer()


@dataclass(frozen=True)
class Wanted:
    """What `keras_kd.teachers.load` was asked for.

    Args:
        num_classes: number of logits that the teacher must give; None for any.
        input_shape: (height, width, channels) of the images; None for what the model declares.
        pixels: the `Pixels` that the model expects; nothing: to be found out.
        layout: "nhwc" or "nchw", the order of its input's axes; empty: to be found out.
        answer: the `Answer`.
        class_names: names of the data's classes in order, a tuple; None where they are not known.
        some_classes: whether a teacher will do that knows only some of them.
    """

    num_classes: int | None = None
    input_shape: tuple | None = None
    pixels: Pixels = NOTHING
    layout: str = ""
    answer: Answer = UNSAID
    class_names: tuple | None = None
    some_classes: bool = False

    @property
    def input_range(self):
        """(low, high) of the values that the model expects; None where it is not said."""
        return self.pixels.input_range

    @property
    def num_outputs(self):
        """How many outputs the model's classes must have; None for any."""
        return len(self.answer.classes) or self.num_classes


def check_layout(layout):
    """An order of an image's axes: `layout` itself; ValueError for an unknown one."""
    return one_of("layout", layout, LAYOUTS)


def one_of(argument, value, names):
    """A value that is one of some names, or empty.

    Raises:
        ValueError: names what there is.
    """
    if value and value not in names:
        raise ValueError(
            f"{argument} must be one of {', '.join(names)}, or empty. Received: "
            f"{argument}={value!r}."
        )
    return value
