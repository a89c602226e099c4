"""What a teacher is asked for."""

from dataclasses import dataclass

from keras_kd.models.pixels import Pixels

LAYOUTS = ("nhwc", "nchw")
NOTHING = Pixels()


@dataclass(frozen=True)
class Wanted:
    """What `keras_kd.teachers.load` was asked for.

    Args:
        num_classes: number of logits that the teacher must give; None for any.
        input_shape: (height, width, channels) of the images; None for what the model declares.
        pixels: the `Pixels` that the model expects; nothing: to be found out.
        layout: "nhwc" or "nchw", the order of its input's axes; empty: to be found out.
    """

    num_classes: int | None = None
    input_shape: tuple | None = None
    pixels: Pixels = NOTHING
    layout: str = ""

    @property
    def input_range(self):
        """(low, high) of the values that the model expects; None where it is not said."""
        return self.pixels.input_range


def check_layout(layout):
    """An order of an image's axes: `layout` itself.

    Raises:
        ValueError: an unknown one.
    """
    if layout and layout not in LAYOUTS:
        raise ValueError(
            f"layout must be one of {', '.join(LAYOUTS)}, or empty. Received: layout={layout!r}."
        )
    return layout
