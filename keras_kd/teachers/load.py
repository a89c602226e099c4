"""Loads a teacher from wherever it lies and refuses one that would teach nonsense."""

from dataclasses import replace

import keras

from keras_kd.models.pixels import pixels_of
from keras_kd.teachers import kinds
from keras_kd.teachers.answers import check_activation, with_logits
from keras_kd.teachers.checks import check_classes
from keras_kd.teachers.classes import in_order_of_data, read_classes, recorded_classes
from keras_kd.teachers.ensemble import Ensemble, resized
from keras_kd.teachers.kind import Kind, check_read
from keras_kd.teachers.prepare import prepare
from keras_kd.teachers.wanted import Answer, Wanted, check_layout
from keras_kd.utils import handles
from keras_kd.utils.names import nearest

READ = ("num_classes", "input_shape", "input_range", "normalization", "layout")


def load(
    handle,
    num_classes=None,
    input_shape=None,
    input_range=None,
    normalization=None,
    layout="",
    some_classes=False,
    **answer,
):
    """Loads and freezes a teacher that takes images in [-1, 1] and gives logits.

    Args:
        handle: a Keras model; the path of a `.keras` or `.h5` file; a SavedModel folder; `bit:` and
            a name of `keras_kd.models.bit.published`, fetched once and cached; `keras:` and a
            network of `keras.applications`, see `keras_kd.models.zoo`; `onnx:` or `tflite:` and a
            file; `hub:` and a TF-Hub handle or folder; or the handle's own https address. A model
            object is frozen in place (`trainable = False`). Several with commas between them are
            an `Ensemble`, and `@224` behind one lets it see the images at 224 px, see
            `keras_kd.utils.handles`.
        num_classes: classes of the data set: how many, or their names in order, which are then
            compared with the names that the teacher has of its own; None to accept any.
        input_shape: (height, width, channels) of the images that the teacher will see; None to
            accept what the model declares. Needed for hub modules and SavedModel folders.
        input_range: (low, high) of the values that the model expects. Images here are in [-1, 1]:
            the conversion is put in front where the ranges differ. By default [-1, 1] for Keras
            models, or what the conversion inside them shows; (0, 1) for hub handles, and for a
            SavedModel folder what its `assets.extra/keras_kd.json` says.
        normalization: in place of `input_range`, where the model expects a mean and a deviation a
            channel: "imagenet", as teachers from PyTorch mostly do, or ((means), (deviations)) of
            pixels in [0, 1].
        layout: "nhwc" or "nchw", the order of the input's axes of an ONNX or TFLite file; empty:
            found out by its shape.
        some_classes: whether a teacher will do whose names are only some of the data's classes: the
            logits of the others are then `keras_kd.models.some_classes.UNKNOWN`. For an ensemble
            that is combined by "unite_classes".
        **answer: what is said of the model's answer, where neither graph nor files show it:
            `output`, name of the output that is the logits (by default `logits`, or the only one of
            the right size); `activation`, what stands behind them: linear, softmax, log_softmax,
            sigmoid or log_sigmoid; `classes`, names of the teacher's classes in its order, or a
            file of them, see `keras_kd.teachers.classes`.

    Returns:
        A frozen `keras.Model` with logits `[B, num_classes]`; one logit z becomes those of two
        classes, [0, z]. A softmax or sigmoid at the end is left out where the graph shows what lies
        before it. Else log-probabilities stand for the logits: equal to all methods but those that
        need the logits themselves, which refuse them, see `keras_kd.models.answers`.

    Raises:
        ValueError: when the handle leads to no model, or the model's classes, size, channels,
            value range or kind of output do not fit.
        ConnectionError: when a hub handle or published weights cannot be fetched.
    """
    names = tuple(num_classes) if isinstance(num_classes, list | tuple) else None
    wanted = Wanted(
        num_classes=num_classes if names is None else len(names),
        input_shape=None if input_shape is None else tuple(input_shape),
        pixels=pixels_of(input_range, normalization),
        layout=check_layout(layout),
        answer=_checked(answer),
        class_names=names,
        some_classes=some_classes,
    )
    return _load(handle, wanted)


def _checked(said):
    for name in said:
        if name not in Answer._fields:
            raise TypeError(
                f"load has no such argument. Received: {name}={said[name]!r}."
                f"{nearest(name, (*READ, *Answer._fields))}"
            )
    answer = Answer(**said)
    check_activation(answer.activation)
    return answer._replace(classes=read_classes(answer.classes) if answer.classes else ())


def _load(handle, wanted):
    """What `load` returns."""
    if isinstance(handle, str) and handle:
        members = handles.members(handle)
        if members != [(handle, None)]:
            one = lambda name, shape: _load(name, replace(wanted, input_shape=shape))  # noqa: E731
            united = {"combine": "unite_classes"} if wanted.some_classes else {}
            return assemble(members, wanted.input_shape, one, **united)
    known = wanted.answer.classes, ""
    if isinstance(handle, keras.Model):
        kind = Kind()
        check_read(kind, handle.name, wanted)
        label, model = handle.name, prepare(handle, repr(handle.name), wanted)
    else:
        kind, label = kinds.get(handle)
        check_read(kind, label, wanted)
        model = kind.open(label, wanted)
        known = known if wanted.answer.classes else recorded_classes(label)
    model = with_logits(model, repr(label), wanted)
    order = model, repr(label), known, wanted.class_names, kind.fine_tune
    model = in_order_of_data(*order, some_classes=wanted.some_classes)
    check_classes(model, wanted.num_classes, label, kind.fine_tune)
    model.trainable = False
    return model


def assemble(members, input_shape, make, **combination):
    """One teacher of what a handle names.

    Args:
        members: what `keras_kd.utils.handles.members` returned.
        input_shape: (height, width, channels) of the images; None only without sides.
        make: function (handle, input_shape) -> a Keras model from images to logits.
        **combination: of several, arguments of `Ensemble`: `combine` and those of its own.

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
    teacher = models[0] if len(models) == 1 else Ensemble(models, **combination)
    teacher.trainable = False
    return teacher
