"""Loads a teacher from wherever it lies and refuses one that would teach nonsense."""

from pathlib import Path

import keras
import numpy as np

from keras_kd.models.bit import bit_resnet, load_bit_npz
from keras_kd.models.bit.published import bit_file, check_root, published
from keras_kd.models.hub import HUB_HOSTS, check_range, hub, load_module, run_once
from keras_kd.models.output import as_two_classes
from keras_kd.models.saved import OURS, convert, expected_range, open_keras, recorded_range
from keras_kd.teachers.checks import check_classes, check_images, check_logits
from keras_kd.teachers.ensemble import Ensemble, resized
from keras_kd.utils import handles

KINDS = (
    "a Keras model, 'path/to/model.keras', a SavedModel folder, 'bit:NAME', 'hub:HANDLE', "
    "or a https://tfhub.dev or https://www.kaggle.com/models address"
)


def load(handle, num_classes=None, input_shape=None, input_range=None):
    """Loads and freezes a teacher that takes images in [-1, 1] and gives logits.

    Args:
        handle: a Keras model; the path of a `.keras` file; a SavedModel folder; `bit:` and a name
            of `keras_kd.models.bit.published`, fetched once and cached; `hub:` and a TF-Hub handle
            or folder; or the handle's own https address. A model object is frozen in place
            (`trainable = False`). Several with commas between them are an `Ensemble`, and `@224`
            behind one lets it see the images at 224 px, see `keras_kd.utils.handles`.
        num_classes: classes of the data set; None to accept any.
        input_shape: (height, width, channels) of the images that the teacher will see; None to
            accept what the model declares. Needed for hub modules and SavedModel folders.
        input_range: (low, high) of the values that the model expects. Images here are in [-1, 1]:
            the conversion is put in front where the ranges differ. By default [-1, 1] for Keras
            models, (0, 1) for hub handles, and for a SavedModel folder what its
            `assets.extra/keras_kd.json` says.

    Returns:
        A frozen `keras.Model` with logits `[B, num_classes]`; one logit z becomes those of two
        classes, [0, z].

    Raises:
        ValueError: when the handle leads to no model, or the model's classes, size, channels,
            value range or kind of output do not fit.
        ConnectionError: when a hub handle or published weights cannot be fetched.
    """
    if input_range is not None:
        input_range = check_range(input_range)
    if input_shape is not None:
        input_shape = tuple(input_shape)
    if isinstance(handle, str) and handle:
        members = handles.members(handle)
        if members != [(handle, None)]:
            one = lambda name, shape: load(name, num_classes, shape, input_range)  # noqa: E731
            return assemble(members, input_shape, one)
    if isinstance(handle, keras.Model):
        model = _prepare(handle, repr(handle.name), input_shape, input_range)
    else:
        model = _open(handle, num_classes, input_shape, input_range)
    label = handle.name if isinstance(handle, keras.Model) else handle
    model = as_two_classes(model)
    check_classes(model, num_classes, label)
    _probe(model, input_shape, label)
    model.trainable = False
    return model


def assemble(members, input_shape, make):
    """One teacher of what a handle names.

    Args:
        members: what `keras_kd.utils.handles.members` returned.
        input_shape: (height, width, channels) of the images; None only without sides.
        make: function (handle, input_shape) -> a Keras model from images to logits.

    Returns:
        a frozen `keras.Model`; of several members their `Ensemble`.

    Raises:
        ValueError: members that do not fit, or a side without or beyond the images' size.
    """
    models = []
    for name, side in members:
        if side is None:
            models.append(make(name, input_shape))
            continue
        if input_shape is None:
            raise ValueError(
                "input_shape must be given where a teacher sees another size. "
                f"Received: input_shape=None for {name}@{side}. Pass (height, width, channels)."
            )
        model = make(name, (side, side, input_shape[-1]))
        models.append(resized(model, side, input_shape))
    teacher = models[0] if len(models) == 1 else Ensemble(models)
    teacher.trainable = False
    return teacher


def _open(handle, num_classes, input_shape, input_range):
    """The model behind a string."""
    text = str(handle) if isinstance(handle, Path) else handle
    if not isinstance(text, str) or not text:
        raise ValueError(f"handle must be {KINDS}. Received: handle={handle!r}.")
    if text.startswith("hub:") or text.startswith(HUB_HOSTS):
        return _open_hub(text.removeprefix("hub:"), input_shape, input_range or (0.0, 1.0))
    if text.startswith("bit:"):
        model = _open_bit(text, num_classes, input_shape)
        return _prepare(model, repr(text), input_shape, input_range)
    scheme = text.split(":", 1)[0]
    # One letter and a colon is a drive, not a scheme.
    if ":" in text and len(scheme) > 1 and not Path(text).exists():
        raise ValueError(
            f"handle must be {KINDS}. Received: handle={text!r} with the unknown scheme "
            f"{scheme + ':'!r}."
        )
    path = Path(text)
    if not path.exists():
        raise ValueError(
            f"handle must be {KINDS}. Received: handle={text!r}, which is not there. "
            "Check the path, or train a teacher first."
        )
    if path.is_dir():
        return _open_hub(text, input_shape, input_range or recorded_range(path))
    return _prepare(open_keras(path), repr(text), input_shape, input_range)


def published_bit(handle, num_classes=None):
    """The entry of `keras_kd.models.bit.published.PUBLISHED` that a handle `bit:NAME` leads to.

    Raises:
        ValueError: no such name, or a network of other classes (None: any).
    """
    entry = published(handle.removeprefix("bit:"))
    if num_classes not in (None, entry.num_classes):
        raise ValueError(
            f"the teacher must know the data set's {num_classes} classes. Received: "
            f"handle={handle!r}, a network of {entry.num_classes} classes. Take the teacher of "
            "this data set, or fine-tune one."
        )
    return entry


def _open_bit(handle, num_classes, input_shape):
    """A published BiT; what does not fit is refused before a gigabyte is fetched."""
    entry = published_bit(handle, num_classes)
    shape = input_shape or (entry.resolution, entry.resolution, 3)
    check_root((7, 7, shape[-1]), handle)
    path = bit_file(handle.removeprefix("bit:"))
    return load_bit_npz(bit_resnet(entry.depth, entry.width, entry.num_classes, shape), path)


def _open_hub(handle, input_shape, input_range):
    if input_shape is None:
        raise ValueError(
            "input_shape must be given for a hub module or SavedModel, which declares none. "
            f"Received: handle={handle!r}, input_shape=None. Pass (height, width, channels)."
        )
    if "://" not in handle:
        load_module(handle)  # a wrong folder is refused before the question of the range
    if input_range is None:
        raise ValueError(
            "input_range must be given for a SavedModel folder without assets.extra/keras_kd.json. "
            f"Received: handle={handle!r}, input_range=None. Pass the values its images have: "
            "(-1, 1), (0, 1) or (0, 255)."
        )
    return hub(handle, None, input_shape, input_range, head=False)


def _prepare(model, label, input_shape, input_range):
    """Checks a Keras model and puts the conversion of values in front where it is needed."""
    if not getattr(model, "inputs", None) and input_shape is not None:
        # A subclassed model declares no shapes until it is called on symbolic images.
        inputs = keras.Input(input_shape, name="image")
        model = keras.Model(inputs, model(inputs), name=model.name)
    check_images(model, label, input_shape)
    check_logits(model, label)
    if input_range is None:
        expected = expected_range(model)
        if expected not in (None, OURS):
            low, high = (f"{value:g}" for value in expected)
            raise ValueError(
                "images in this toolkit are in [-1, 1], and the teacher must take them as they "
                f"are. Received: handle={label}, whose first layer expects [{low}, {high}]. "
                f"Pass input_range=({low}, {high}) to have the values converted."
            )
    elif input_range != OURS:
        inputs = keras.Input(model.input_shape[1:], name="image")
        x = convert(inputs, input_range, "to_teacher_range")
        model = keras.Model(inputs, model(x), name=f"{model.name}_converted")
    return model


def _probe(model, input_shape, label):
    """Runs two random images through the teacher: the shape is right, numbers are finite logits."""
    shape = input_shape or tuple(side or 224 for side in model.input_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype("float32")
    outputs = run_once(lambda x: model(x, training=False), keras.ops.convert_to_tensor(images))
    outputs = keras.ops.convert_to_numpy(outputs).astype("float64")
    if outputs.shape != (2, model.output_shape[-1]):
        raise ValueError(
            "the teacher must give one row of logits per image. "
            f"Received: outputs of shape {outputs.shape} for 2 images from handle={label!r}."
        )
    if not np.isfinite(outputs).all():
        raise ValueError(
            "the teacher must give finite logits for images in [-1, 1]. "
            f"Received: {int((~np.isfinite(outputs)).sum())} values that are not finite from "
            f"handle={label!r}. Its weights may be damaged, or its input_range wrong."
        )
    if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        raise ValueError(
            "the teacher must give logits: distillation softens them before the softmax. "
            f"Received: probabilities that sum to 1 from handle={label!r}. "
            "Export it again without its last softmax."
        )
