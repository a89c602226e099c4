"""The networks that are built by a name."""

import inspect

from keras_kd.models import zoo
from keras_kd.models.bit import bit_resnet
from keras_kd.models.efficientnet_lite import efficientnet_lite
from keras_kd.models.hub import hub
from keras_kd.models.mixer import mixer
from keras_kd.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from keras_kd.models.resnet import resnet, resnet50
from keras_kd.models.vit import vit
from keras_kd.utils.names import nearest

BUILDERS = {
    builder.__name__: builder
    for builder in (
        bit_resnet,
        efficientnet_lite,
        hub,
        mixer,
        mobilenet_v3_large,
        mobilenet_v3_small,
        resnet,
        resnet50,
        vit,
    )
}


def build(name, num_classes, input_shape, **kwargs):
    """Builds a network by its builder's name.

    Args:
        name: a key of `BUILDERS`, such as "bit_resnet", or `keras:` and a network of
            `keras.applications`, such as "keras:MobileNetV2".
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1].
        **kwargs: further arguments of that builder.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: for an unknown name, or an argument that the builder does not take.
    """
    check(name, kwargs)
    return _builder(name)(num_classes=num_classes, input_shape=input_shape, **kwargs)


def arguments_of(name):
    """Names of the arguments that a builder takes besides num_classes and input_shape, a set."""
    return set(inspect.signature(_builder(name)).parameters) - {"num_classes", "input_shape"}


def check(name, kwargs, others=(), key="name"):
    """Refuses a builder or an argument that does not exist, without building anything.

    Args:
        name: as of `build`.
        kwargs: dict of the arguments besides num_classes and input_shape.
        others: further names that would do.
        key: what holds the name; for errors.

    Raises:
        ValueError: names what there is and the nearest.
    """
    if name not in BUILDERS and not str(name).startswith(zoo.SCHEME):
        known = sorted([*BUILDERS, *others])
        raise ValueError(
            f"{key} must be one of {known}, or {zoo.SCHEME}NAME of keras.applications. "
            f"Received: {key}={name!r}.{nearest(str(name), known)}"
        )
    check_arguments(name, kwargs, arguments_of(name))


def check_arguments(name, kwargs, accepted):
    """Refuses an argument that is not among those that are accepted; others as of `check`."""
    for key in kwargs:
        if key not in accepted:
            raise ValueError(
                f"{name} takes {sorted(accepted)} besides num_classes and input_shape. "
                f"Received: {key}={kwargs[key]!r}.{nearest(key, accepted)}"
            )


def _builder(name):
    return zoo.builder(name) if str(name).startswith(zoo.SCHEME) else BUILDERS[name]
