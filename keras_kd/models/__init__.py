"""Networks. The convention of this folder:

A builder takes `num_classes` and `input_shape` and returns a functional Keras model. Its input is
an image in [-1, 1], its only output the logits `[B, num_classes]` in float32, under mixed precision
too. Layers that serve as taps have readable names that never drift: `stem`, `stage1`, ... (of
transformers `block1`, ...), `pre_logits`. Loaders of published weights stand beside the network
that they fill. `build(name, ...)` finds a builder by its name, which for a network of
`keras.applications` is `keras:` and Keras's; `start_from(init, ...)` puts pretrained weights into a
network, or a new classifier on a pretrained one; `wrap_network(name, model, ...)` makes a student
of a network that has learned, see `keras_kd.models.wrap`.
"""

import inspect

from keras_kd.models import builders, zoo
from keras_kd.models.bit import bit_resnet, load_bit_npz
from keras_kd.models.builders import BUILDERS, build
from keras_kd.models.efficientnet_lite import efficientnet_lite, load_efficientnet_npz
from keras_kd.models.ending import to_logits
from keras_kd.models.hub import HubModule, hub
from keras_kd.models.mixer import mixer
from keras_kd.models.mixer_weights import load_mixer_npz
from keras_kd.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from keras_kd.models.pretrained import start_from
from keras_kd.models.resnet import resnet, resnet50
from keras_kd.models.vit import vit
from keras_kd.models.vit_weights import load_vit_npz
from keras_kd.models.wrap import (
    LAST,
    UNCHANGED,
    WRAPPERS,
    continued,
    convpass,
    efficient,
    extend,
    load_adapters,
    quantize_aware,
    residual,
    save_adapters,
    shrink,
)
from keras_kd.utils.integers import check_integer

IMAGES = 512  # training images by which a wrapper measures

__all__ = [
    "BUILDERS",
    "WRAPPERS",
    "HubModule",
    "arguments_of",
    "bit_resnet",
    "build",
    "check",
    "comes_last",
    "continued",
    "convpass",
    "efficient",
    "efficientnet_lite",
    "extend",
    "hub",
    "load_adapters",
    "load_bit_npz",
    "load_efficientnet_npz",
    "load_mixer_npz",
    "load_vit_npz",
    "mixer",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "quantize_aware",
    "residual",
    "resnet",
    "resnet50",
    "save_adapters",
    "shrink",
    "start_from",
    "to_logits",
    "vit",
    "without_weights",
    "wrap_network",
    "wraps",
]


def wraps(name):
    """Whether a name of a config is that of a wrapper, which is given a network to begin with."""
    return name in WRAPPERS


def arguments_of(name):
    """Names of the arguments that a builder or a wrapper takes of a config, a set; of "" none."""
    if not wraps(name):
        return builders.arguments_of(name) if name else set()
    given = {"model", "input_shape", "latency_of", "classes"}
    return set(inspect.signature(WRAPPERS[name]).parameters) - given | {"of"}


def comes_last(name, in_floats=True):
    """Whether a name of a config is that of a wrapper after which nothing in floats is trained.

    Args:
        name: key of `WRAPPERS`, or of something else.
        in_floats: whether the network that it is given is; what goes on with one in few bits is
            in few bits.
    """
    wrapper = WRAPPERS.get(name)
    return wrapper in LAST or (not in_floats and wrapper in UNCHANGED)


def wrap_network(
    name,
    model,
    num_classes,
    input_shape,
    images_of,
    images=IMAGES,
    of="",
    latency_of=None,
    classes=None,
    **kwargs,
):
    """Makes a student of a network by a wrapper's name.

    Args:
        name: a key of `WRAPPERS`, such as "shrink".
        model: Keras model of as many classes.
        num_classes: number of logits.
        input_shape: (height, width, channels) of the student's images in [-1, 1].
        images_of: function from a number to as many training images, or fewer, an array.
        images: that number.
        of: the handle that led to `model`; for errors.
        latency_of: function from a Keras model to milliseconds, for wrappers that take one; None:
            they measure by themselves.
        classes: for wrappers that take them, indices of the classes whose images the student will
            see; None: all.
        **kwargs: further arguments of that wrapper.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: a network of other classes, or what the wrapper refuses.
    """
    check_integer("images", images, advice="It is how many training images the student is shown.")
    if model.output_shape[-1] != num_classes:
        raise ValueError(
            f"A {name} student keeps the classes of its network, which must be the data's "
            f"{num_classes}. Received: {of or model.name!r} of {model.output_shape[-1]} classes. "
            "Fine-tune it on the data in a stage of its own."
        )
    wrapper = WRAPPERS[name]
    offered = {
        "images": lambda: images_of(images),
        "latency_of": lambda: latency_of,
        "classes": lambda: classes,
    }
    taken = offered.keys() & inspect.signature(wrapper).parameters
    kwargs |= {name: offered[name]() for name in taken}
    return wrapper(model, input_shape=input_shape, **kwargs)


def without_weights(name, kwargs):
    """The same network as it is before any weights are fetched or read.

    Args:
        name: as of `build`, or empty.
        kwargs: dict of its arguments.

    Returns:
        (name, kwargs) as `build` takes them.
    """
    if wraps(name):
        return name, kwargs  # which fetches none; a wrapper's `weights` may be their bits
    kwargs = {key: None if key == "weights" else value for key, value in kwargs.items()}
    if not name.startswith(zoo.SCHEME):
        return name, kwargs
    family, options = zoo.parse(name)
    return f"{zoo.SCHEME}{family.name}", {**options, **kwargs, "weights": None}


def check(name, kwargs):
    """Refuses a builder, a wrapper or an argument that does not exist, and builds nothing.

    Args:
        name: as of `build`, or a key of `WRAPPERS`.
        kwargs: dict of the arguments besides num_classes and input_shape.

    Raises:
        ValueError: names what there is and the nearest.
    """
    if wraps(name):
        builders.check_arguments(name, kwargs, arguments_of(name))
    else:
        builders.check(name, kwargs, others=WRAPPERS)
