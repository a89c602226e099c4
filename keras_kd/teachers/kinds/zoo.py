"""A network of `keras.applications`: `keras:ResNet50`, `keras:ResNet50?weights=FILE`."""

from keras_kd.models import zoo
from keras_kd.models.zoo_weights import CLASSES, IMAGENET, SIDE
from keras_kd.teachers.kind import Kind


class Zoo(Kind):
    """Networks that Keras knows by name, with ImageNet's weights or those of a file."""

    words = "'keras:NAME' or 'keras:NAME?weights=FILE'"
    order = 11
    schemes = (zoo.SCHEME,)

    def open(self, handle, wanted):
        classes = _classes(handle, wanted.num_outputs)
        shape = wanted.input_shape or (SIDE, SIDE, 3)
        return zoo.with_classifier(handle, classes, shape, wanted.pixels)

    def builder(self, handle, num_classes=None):
        _classes(handle, num_classes)
        family, options = zoo.parse(handle)
        if options.pop("weights", IMAGENET) not in (IMAGENET, "none"):
            return None
        return f"{zoo.SCHEME}{family.name}", options


def _classes(handle, num_classes):
    """The classes of a handle's classifier, of which there must be so many (None: any)."""
    _, options = zoo.parse(handle)
    if options.get("weights", IMAGENET) != IMAGENET:
        return num_classes or CLASSES
    if num_classes not in (None, CLASSES):
        raise ValueError(
            f"the teacher must know the data set's {num_classes} classes. Received: "
            f"handle={handle!r}, whose weights know the {CLASSES} of ImageNet. Fine-tune it: give "
            f"{handle!r} as init, not as handle, with an empty model.name."
        )
    return CLASSES
