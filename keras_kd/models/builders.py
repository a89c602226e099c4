"""The networks that are built by a name."""

from keras_kd.models import zoo
from keras_kd.models.bit import bit_resnet
from keras_kd.models.efficientnet_lite import efficientnet_lite
from keras_kd.models.hub import hub
from keras_kd.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from keras_kd.models.resnet import resnet, resnet50

BUILDERS = {
    builder.__name__: builder
    for builder in (
        bit_resnet,
        efficientnet_lite,
        hub,
        mobilenet_v3_large,
        mobilenet_v3_small,
        resnet,
        resnet50,
    )
}


def is_known(name):
    """Whether a network is built by this name."""
    return name in BUILDERS or str(name).startswith(zoo.SCHEME)


def builder_of(name):
    """The function behind a name of a builder, or of a network of `keras.applications`."""
    return zoo.builder(name) if str(name).startswith(zoo.SCHEME) else BUILDERS[name]
