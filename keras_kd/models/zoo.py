"""Every network of `keras.applications`, by its name there: `keras:MobileNetV2`.

What the module holds is looked up in it, nothing is listed here: its networks, and the pixel values
that each family expects, which its own `preprocess_input` tells. The conversion from [-1, 1] is a
part of the network, and so is a copy in grey where the images are grey.
"""

import ast
import functools
import inspect
import types
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_kd.models.cutting import pooled, reheaded
from keras_kd.models.layers import check_size, head
from keras_kd.models.stages import with_stages
from keras_kd.models.zoo_weights import CLASSES, IMAGENET, fill
from keras_kd.utils.names import nearest

SCHEME = "keras:"
# Arguments of Keras's builders that are said here in another way.
OWN = {
    "include_top", "weights", "input_tensor", "input_shape", "pooling", "classes",
    "classifier_activation", "include_preprocessing", "name",
}  # fmt: skip


class Family(NamedTuple):
    """A network of `keras.applications`.

    Attributes:
        name: as Keras calls it.
        build: Keras's builder.
        order: for each of its input's channels the place among red, green and blue.
        scale, offset: what makes its values of pixels in [0, 255], a number a channel.
    """

    name: str
    build: types.FunctionType
    order: tuple
    scale: tuple
    offset: tuple

    @property
    def options(self):
        """Names of the builder's further arguments, such as alpha."""
        return sorted(set(inspect.signature(self.build).parameters) - OWN)

    def convert(self, images):
        """Symbolic images `[B, H, W, 3]` in [-1, 1] as the network expects them."""
        if self.order != (0, 1, 2):
            images = ops.take(images, self.order, axis=-1)
        scale = 127.5 * np.array(self.scale)
        offset = scale + np.array(self.offset)
        if np.allclose(scale, 1) and np.allclose(offset, 0):
            return images
        return keras.layers.Rescaling(
            _short(scale), _short(offset), dtype="float32", name="to_family_range"
        )(images)


def _short(values):
    """One number where all are equal."""
    return float(values[0]) if np.ptp(values) == 0 else values.tolist()


@functools.cache
def families():
    """Every `Family` by its name."""
    found = {}
    for name, build in vars(keras.applications).items():
        if not inspect.isfunction(build):
            continue
        # What stands beside a builder in its module is what its images go through.
        preprocess = getattr(inspect.getmodule(build), "preprocess_input", None)
        if preprocess and "classifier_activation" in inspect.signature(build).parameters:
            found[name] = Family(name, build, *_pixels(preprocess))
    return found


def _pixels(preprocess):
    """(order, scale, offset) of a `preprocess_input`, by what it makes of single colours."""
    black = preprocess(np.zeros((1, 1, 1, 3), "float32"))[0, 0, 0].astype("float64")
    colours = 255.0 * np.eye(3, dtype="float32")[:, None, None]
    gains = preprocess(colours)[:, 0, 0].astype("float64") - black  # of each colour, by channel
    order = gains.argmax(axis=0)
    scale = gains[order, range(3)] / 255
    return tuple(order.tolist()), tuple(scale.tolist()), tuple(black.tolist())


def parse(text):
    """What a name or handle says.

    Args:
        text: `keras:NAME`, with `?weights=FILE&alpha=0.35` behind it or not.

    Returns:
        (`Family`, dict of options; `weights` may be among them).

    Raises:
        ValueError: no such network, or an option that it does not take; names the nearest.
    """
    place, mark, options = str(text).removeprefix(SCHEME).partition("?")
    known = families()
    if place not in known:
        raise ValueError(
            f"{SCHEME}NAME must be a network of keras.applications: {', '.join(sorted(known))}. "
            f"Received: {text!r}.{nearest(place, known)}"
        )
    pairs = [option.partition("=") for option in options.split("&")] if mark else []
    found = {key: value if key == "weights" else _value(value) for key, _, value in pairs}
    return known[place], check_options(known[place], found)


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text.lower(), text)


def check_options(family, options):
    """Options that a family takes: `options` themselves.

    Raises:
        ValueError: names what it takes and the nearest.
    """
    accepted = [*family.options, "weights"]
    for key, value in options.items():
        if key not in accepted:
            raise ValueError(
                f"{SCHEME}{family.name} takes {', '.join(accepted)}. Received: {key}={value!r}."
                f"{nearest(key, accepted)}"
            )
    return options


def builder(name):
    """A builder of `keras_kd.models` for a network of `keras.applications`.

    Taps: `stage1`, `stage2`, ..., the last features before each halving of the side, and
    `pre_logits`.

    Args:
        name: as `parse` takes it.

    Returns:
        a function of num_classes, input_shape, weights and the family's own options, to a
        functional `keras.Model` of images in [-1, 1] with a new classifier, which starts at zero.
        weights: None, "imagenet", or the path of a file, with or without a classifier of its own.

    Raises:
        ValueError: see `parse`.
    """
    family, said = parse(name)

    def build(num_classes=1000, input_shape=(224, 224, 3), weights=None, **options):
        given = check_options(family, {"weights": weights, **said, **options})
        return _headed(family, num_classes, input_shape, given)

    parameters = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY)
        for key in ("num_classes", "input_shape", "weights", *family.options)
    ]
    build.__signature__ = inspect.Signature(parameters)
    return build


def with_classifier(handle, num_classes, input_shape, pixels=None):
    """A network with the classifier that its weights hold.

    Taps as of `builder`.

    Args:
        handle: `keras:NAME?weights=FILE`; without weights it means ImageNet's.
        num_classes: classes of the weights.
        input_shape: (height, width, channels) of images in [-1, 1].
        pixels: `keras_kd.models.pixels.Pixels` of the training of weights from a file, where it
            did not keep to the family's values.

    Returns:
        a functional `keras.Model` with logits.

    Raises:
        ValueError: weights that do not fit.
        ConnectionError: weights that cannot be fetched.
    """
    family, options = parse(handle)
    options.setdefault("weights", IMAGENET)
    shape = check_size(num_classes, input_shape)
    network = _network(family, shape, options, num_classes, pixels)
    images = keras.Input(shape, name="image")
    return reheaded(network, images, images, num_classes, keep_head=True)


def started(handle, num_classes, input_shape, keep_head, pixels=None):
    """A network with pretrained weights and a new classifier, or its own where it may stay.

    Args:
        handle: as of `with_classifier`.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1].
        keep_head: take ImageNet's classifier over for 1,000 classes.
        pixels: as of `with_classifier`.

    Returns:
        a functional `keras.Model` with logits; taps as of `builder`.

    Raises:
        ValueError, ConnectionError: as `with_classifier`.
    """
    family, options = parse(handle)
    options.setdefault("weights", IMAGENET)
    if keep_head and options["weights"] == IMAGENET and num_classes == CLASSES:
        return with_classifier(handle, num_classes, input_shape, pixels)
    return _headed(family, num_classes, input_shape, options, pixels)


def _headed(family, num_classes, input_shape, options, pixels=None):
    """A family's features under a classifier that starts at zero."""
    shape = check_size(num_classes, input_shape)
    body = _network(family, shape, options, classes=0, pixels=pixels)
    x = pooled(body.output, body)
    return keras.Model(body.inputs[0], head(x, num_classes), name=family.name)


def _network(family, shape, options, classes, pixels=None):
    """The network of a family on images in [-1, 1], as Keras ends it.

    Args:
        classes: of its own classifier; 0: it ends in features `[B, h, w, F]`.
    """
    options = dict(options)
    weights = options.pop("weights", None)
    build = functools.partial(family.build, classifier_activation=None, **options)
    try:
        network = _build(build, (*shape[:2], 3), classes)
    except ValueError as error:
        raise ValueError(
            f"{SCHEME}{family.name} cannot be built for images of {shape}: {error}"
        ) from error
    extra = fill(network, build, weights, classes, f"{SCHEME}{family.name}")
    inputs = keras.Input(shape, name="image")
    colours = inputs if shape[-1] == 3 else _in_colour(inputs, family.name)
    values = pixels.convert(colours, "to_family_range") if pixels else family.convert(colours)
    return with_stages(network, inputs, values, extra)


def _build(build, shape, classes):
    if classes:
        return build(include_top=True, weights=None, input_shape=shape, classes=classes)
    return build(include_top=False, weights=None, input_shape=shape)


def _in_colour(images, name):
    if images.shape[-1] != 1:
        raise ValueError(
            f"{SCHEME}{name} takes images in colour or in grey. Received: {images.shape[-1]} "
            "channels. Load the images with 3 channels or 1."
        )
    return keras.layers.Concatenate(name="in_colour")([images, images, images])
