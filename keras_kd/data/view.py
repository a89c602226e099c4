"""What one model sees of an image: a list of image ops, and its text."""

from dataclasses import dataclass

from keras_kd.data import op_text
from keras_kd.data.either import Either
from keras_kd.data.ops.base import Crop, FloatOp, Mixer, PixelOp
from keras_kd.data.ops.whole_image import WholeImage
from keras_kd.data.random_streams import Stream


@dataclass(frozen=True)
class View:
    """What one model sees of an image: a crop, ops on it, a resize to L x L, ops on the result.

    Attributes:
        crop: a `Crop`.
        pixel_ops: tuple of `PixelOp`, in order.
        float_ops: tuple of `FloatOp`, in order.
    """

    crop: Crop
    pixel_ops: tuple = ()
    float_ops: tuple = ()

    @classmethod
    def parse(cls, text, name="view"):
        """The view of a text such as "inception_crop(0.05,1)|flip".

        Args:
            text: at most one crop, which comes first, then ops on it; without a crop the view is
                of the whole image. See `keras_kd.data.op_text.parse`.
            name: of the argument or config key that holds the text, for messages.

        Raises:
            ValueError: unknown ops, bad parameters, or ops in places where they cannot stand.
        """
        found = op_text.parse(text, name)
        received = f"Received: {name}={text!r}."
        for op in found:
            if isinstance(op, Mixer):
                raise ValueError(
                    f"{name} must hold ops on one image; {op.name} mixes a batch. {received} "
                    f"Take it out, and write mix={str(op)!r}."
                )
        names = [op.name for op in found]
        twice = {one for one in names if names.count(one) > 1}
        crops = [op for op in found if isinstance(op, Crop)]
        if len(crops) > 1 or twice:
            what = "one crop at most" if len(crops) > 1 else f"{twice.pop()} once at most"
            raise ValueError(f"{name} must hold {what}. {received} Take the others out.")
        ordered = sorted(found, key=lambda op: op.place)
        if ordered != found:
            better = "|".join(map(str, ordered))
            raise ValueError(
                f"{name} must hold the crop first, then ops on its pixels, then ops on the "
                f"resized image. {received} Write {better!r}."
            )
        of_kind = lambda kind: tuple(op for op in found if isinstance(op, kind))  # noqa: E731
        return cls(*crops or [WholeImage()], pixel_ops=of_kind(PixelOp), float_ops=of_kind(FloatOp))

    @property
    def ops(self):
        """All ops in order."""
        return (self.crop, *self.pixel_ops, *self.float_ops)

    @property
    def random(self):
        """Whether an image has more than one such view."""
        return any(op.random for op in self.ops)

    def __str__(self):
        """The text of an equal view."""
        return "|".join(map(str, self.ops))

    def draw(self, role, sizes, seed, counter):
        """What each op draws for a whole batch.

        Args:
            role: whose view it is; another role has other random numbers.
            sizes: int32 `[B, 2]`, of the stored images.
            seed: int, the seed of the run.
            counter: int64 scalar, the step, or `[B]`, one for each image.

        Returns:
            dict: `pixels`, a tuple of boxes int32 `[B, 4]` and what each of `pixel_ops` takes, and
            `floats`, one of what each of `float_ops` takes, all with a first axis of B.
        """

        def drawn(*ops):
            streams = (Stream(seed, f"{role} {op.stream}", counter) for op in ops)
            return tuple(op.draw(sizes, stream) for op, stream in zip(ops, streams))

        return {"pixels": drawn(self.crop, *self.pixel_ops), "floats": drawn(*self.float_ops)}


def parse_mixer(text, name="mix"):
    """The mixer of a text such as "mixup(1.0)", or "mixup(0.8)|cutmix(1.0)".

    Args:
        text: one mixer, or several, of which one is drawn for each batch; see
            `keras_kd.data.op_text.parse`.
        name: of the argument or config key that holds the text, for messages.

    Raises:
        ValueError: ops that mix nothing, or one mixer twice.
    """
    found = op_text.parse(text, name)
    for op in found:
        if not isinstance(op, Mixer):
            there = ", ".join(one for one, kind in op_text.OPS.items() if issubclass(kind, Mixer))
            raise ValueError(
                f"{name} must be one mixer, such as 'mixup(1.0)', or several with '|' between, of "
                f"which each batch has one: {there}. Received: {name}={text!r}. {op.name} changes "
                "one image: put it into a view."
            )
    names = [op.name for op in found]
    if len(set(names)) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise ValueError(
            f"{name} must be one mixer, or several that differ. Received: {name}={text!r}. Take "
            f"the other {twice} out."
        )
    return found[0] if len(found) == 1 else Either(tuple(found))
