"""The kinds of image ops: where in a view they stand, what they draw and what they change.

An op is one file of this folder with one frozen dataclass in it: its fields are its parameters,
each made by `parameter`, in the order of its text. `draw` makes the random numbers of the whole
global batch at once, from a `Stream` of the op's own name; `apply` changes one image, and draws
nothing. The file's name is the op's name in a view's text.

A view walks: `Crop` -> `PixelOp`s on the uint8 crop -> resize to L x L -> `FloatOp`s -> `Mixer`.
"""

import dataclasses
import math
from typing import ClassVar


def parameter(default, what, low=-math.inf, high=math.inf, above=False, whole=False):
    """A field of an op: a finite number in a range.

    Args:
        default: its value where a text does not give one.
        what: what it means, a phrase for users.
        low, high: the range, with its ends.
        above: whether `low` itself is left out.
        whole: whether it must be a whole number.
    """
    bound = f"above {low:g}" if above else f"at least {low:g}"
    bounds = ([bound] if low > -math.inf else []) + (
        [f"at most {high:g}"] if high < math.inf else []
    )
    metadata = {"what": what, "low": low, "high": high, "above": above, "whole": whole}
    metadata["range"] = "whole, " * whole + (" and ".join(bounds) or "finite")
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Op:
    """What is common to all ops.

    Attributes:
        name: the op's name, that of its file.
        stream: name of what it draws from, within its view.
        random: whether it draws at all.

    Raises:
        ValueError: a parameter that is no number of its range.
    """

    name: ClassVar[str] = ""
    stream: ClassVar[str] = ""
    random: ClassVar[bool] = False
    place: ClassVar[int] = 0  # kinds follow one another in a view's list
    kind: ClassVar[str] = ""

    def __init_subclass__(cls):
        super().__init_subclass__()
        if cls.__module__ != __name__:
            cls.name = cls.__module__.rpartition(".")[2]
            cls.stream = cls.stream or cls.name

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not _fits(value, field.metadata):
                raise ValueError(
                    f"{field.name} of {self.name} ({field.metadata['what']}) must be a finite "
                    f"number, {field.metadata['range']}. Received: {field.name}={value!r}"
                )
            object.__setattr__(self, field.name, float(value))
        self.check()

    def check(self):
        """Refuses parameters that do not go together; does nothing by default."""

    def __str__(self):
        """The op as a text that makes an equal one."""
        values = dataclasses.astuple(self)
        return f"{self.name}({','.join(map(repr, values))})" if values else self.name


class Crop(Op):
    """Which part of the stored image is decoded. A view has one; the whole image by default."""

    stream = "crop"
    place = 0
    kind = "crop"

    def draw(self, sizes, stream):
        """Boxes of a whole batch.

        Args:
            sizes: int32 `[B, 2]`, height and width in pixels.
            stream: a `keras_kd.data.random_streams.Stream`.

        Returns:
            int32 `[B, 4]`: top, left, height, width in pixels of the stored image.
        """
        raise NotImplementedError


class PixelOp(Op):
    """An op on the crop's own pixels, before it is resized: bytes cost a tenth of floats."""

    place = 1
    kind = "op on the crop"

    def draw(self, sizes, stream):
        """What `apply` takes for each image: a tensor `[B, ...]`, or a dict or tuple of them.

        Args:
            sizes: int32 `[B, 2]`, of the stored images.
            stream: a `keras_kd.data.random_streams.Stream`.
        """
        return ()

    def apply(self, image, drawn):
        """The changed image.

        Args:
            image: uint8 `[H, W, C]`, of any size.
            drawn: what was drawn for it, without the first axis.

        Returns:
            uint8 `[H', W', C]`.
        """
        raise NotImplementedError


class FloatOp(Op):
    """An op on the resized image."""

    place = 2
    kind = "op on the resized image"

    draw = PixelOp.draw

    def apply(self, image, drawn):
        """The changed image.

        Args:
            image: float32 `[L, L, C]` in [-1, 1].
            drawn: what was drawn for it, without the first axis.

        Returns:
            float32 `[L, L, C]`.
        """
        raise NotImplementedError


class Mixer(Op):
    """Mixes each image of a batch, and its label, with the one before it, in all views alike."""

    random = True
    kind = "mixer"

    def draw(self, stream):
        """What holds for the whole global batch: a tensor, or a dict or tuple of them.

        Args:
            stream: a `keras_kd.data.random_streams.Stream`.
        """
        raise NotImplementedError

    def apply(self, image, partner, drawn):
        """The mixed image: float32 `[L, L, C]`, of two such.

        Args:
            image, partner: float32 `[L, L, C]` in [-1, 1].
            drawn: what was drawn for the batch.
        """
        raise NotImplementedError

    def share(self, drawn):
        """Share of the image itself in what `apply` makes: float32 scalar in [0.5, 1].

        Its label has the same share; a label that is not mixed stays the heavier image's.
        """
        raise NotImplementedError


def _fits(value, rule):
    if isinstance(value, bool | str | bytes):
        return False
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    above = number > rule["low"] if rule["above"] else number >= rule["low"]
    if not (math.isfinite(number) and above and number <= rule["high"]):
        return False
    return not rule["whole"] or number == int(number)
