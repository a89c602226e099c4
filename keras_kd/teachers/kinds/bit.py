"""A published BiT by its name: `bit:R152x2-flowers128`, fetched once and cached."""

from keras_kd.models.bit import bit_resnet, load_bit_npz
from keras_kd.models.bit.published import bit_file, check_root, published
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import prepare

SCHEME = "bit:"


class Bit(Kind):
    """Names of `keras_kd.models.bit.published.PUBLISHED`."""

    words = "'bit:NAME'"
    order = 10
    schemes = (SCHEME,)

    def open(self, handle, wanted):
        """What does not fit is refused before a gigabyte is fetched."""
        entry = _entry(handle, wanted.num_outputs)
        shape = wanted.input_shape or (entry.resolution, entry.resolution, 3)
        check_root((7, 7, shape[-1]), handle)
        path = bit_file(handle.removeprefix(SCHEME))
        model = load_bit_npz(bit_resnet(entry.depth, entry.width, entry.num_classes, shape), path)
        return prepare(model, repr(handle), wanted)

    def builder(self, handle, num_classes=None):
        entry = _entry(handle, num_classes)
        return "bit_resnet", {"depth": entry.depth, "width": entry.width}


def _entry(handle, num_classes):
    """The entry of the table, of so many classes (None: any)."""
    entry = published(handle.removeprefix(SCHEME))
    if num_classes not in (None, entry.num_classes):
        raise ValueError(
            f"the teacher must know the data set's {num_classes} classes. Received: "
            f"handle={handle!r}, a network of {entry.num_classes} classes. Take the teacher of "
            f"this data set, or {Bit.fine_tune}."
        )
    return entry
