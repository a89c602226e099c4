"""The student as a SavedModel that plain TensorFlow serves: from pixels, or from JPEG/PNG bytes."""

import functools
import json
import tempfile
from pathlib import Path

import tensorflow as tf

from keras_kd.data import orientation
from keras_kd.data.jpeg import crop_jpeg
from keras_kd.data.modality import Modality
from keras_kd.data.ops import central_boxes, check_scale, full_boxes
from keras_kd.data.orientation import EXIF
from keras_kd.data.resize import DEFAULT, KERNELS, TRAINING, check_kernel
from keras_kd.export import bitmaps
from keras_kd.export.card import one_line
from keras_kd.export.exif import orientation_of
from keras_kd.export.network import (
    check_logits,
    checked_names,
    image_shape,
    logits_of,
    student_of,
)
from keras_kd.utils.crops import EVAL_SCALE
from keras_kd.utils.files import folder_bytes, replace_folder

BROKEN = (
    " is no whole JPEG, PNG, GIF or BMP file, or a kind of them that is not served: a BMP that is "
    "compressed or of less than 8 bits, a JPEG in inks for a grey student"
)


def to_saved_model(
    model,
    path,
    class_names=None,
    resolution=None,
    full_image=False,
    scale=EVAL_SCALE,
    exif=EXIF[0],
    view="",
    resize=DEFAULT,
):
    """Writes the student as a SavedModel with two signatures and the class names inside.

    `serving_default` takes `image`, float32 `[N, H, W, C]` in [-1, 1]; `serve_bytes` takes `bytes`,
    string `[N]` of encoded JPEG, PNG, GIF or BMP images of any size, and does the evaluation's
    crop and resize itself. Both return `logits` and `probabilities`, float32 `[N, K]`, `class`,
    int64 `[N]`, and, where names are given, `class_name`, string `[N]`. `serve_bytes` also returns
    `ok`, bool `[N]`, and `error`, string `[N]`: an image that does not decode is named there, with
    zeros for numbers and class -1, and the others are answered. No Python code of ours is needed
    to load it.

    Args:
        model: a Keras model with one image input and logits out; of a `KDModel`, its student.
        path: the folder to write; an existing one is replaced once the new one is complete.
        class_names: K names in the order of the logits, or None.
        resolution: pixels, an int or (H, W), only for a model that leaves its input size open.
        full_image: `serve_bytes` resizes the whole image instead of cutting the central square.
        scale: resized short side over the side of that square, at least 1, as of the evaluation.
        exif: "apply": `serve_bytes` turns images upright, as the EXIF orientation of a JPEG, PNG or
            WebP file says; "ignore".
        view: text of the ops by which `serve_bytes` makes the student's modality of an image, see
            `keras_kd.data.modality`; empty: none do.
        resize: kernel by which `serve_bytes` resizes, one of TensorFlow's in
            `keras_kd.data.resize.KERNELS`.

    Returns:
        A dict: `path`, `bytes` (of the whole folder) and `signatures` (their names).
        `serve_bytes` is left out for images that are neither grey nor RGB.

    Raises:
        ValueError: the model has no single image input, the names do not match its classes, or
            `scale` is out of its range.
        OSError: the disk is full; the previous folder is untouched.
    """
    check_scale("scale", scale)
    if exif not in EXIF:
        raise ValueError(f"exif must be one of {', '.join(EXIF)}. Received: exif={exif!r}.")
    check_kernel("resize", resize, [name for name in TRAINING if name in KERNELS])
    model = student_of(model)
    shape = image_shape(model, resolution)
    check_logits(model, shape)
    names = checked_names(class_names, model)
    prepared = {"full_image": full_image, "scale": scale, "exif": exif, "view": view}
    decode = functools.partial(decode_for_evaluation, shape=shape, resize=resize, **prepared)
    module, signatures = _build(model, shape, names, decode)
    with tempfile.TemporaryDirectory() as scratch, replace_folder(path) as fresh:
        if names:
            listing = Path(scratch, "class_names.txt")
            listing.write_text("\n".join(map(one_line, names)) + "\n", encoding="utf-8")
            module.class_names_file = tf.saved_model.Asset(str(listing))
        tf.saved_model.save(module, str(fresh), signatures=signatures)
        extra = fresh / "assets.extra"
        extra.mkdir(exist_ok=True)
        notes = {"input_range": [-1, 1], "input_shape": [None, *shape], "class_names": names}
        notes |= {**prepared, "full_image": bool(full_image), "resize": resize}
        (extra / "keras_kd.json").write_text(
            json.dumps(notes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return {"path": str(path), "bytes": folder_bytes(path), "signatures": sorted(signatures)}


def decode_for_evaluation(
    encoded, shape, full_image=False, scale=EVAL_SCALE, exif=EXIF[0], view="", resize=DEFAULT
):
    """One encoded image as the evaluation sees it.

    Args:
        encoded: string scalar, a JPEG, PNG, GIF or BMP file.
        shape: (H, W, C) of the result, C being 1 or 3; colours are converted, alpha is dropped.
        full_image: resize the whole image instead of its central square.
        scale: resized short side over the side of that square, at least 1.
        exif: "apply" turns an image as its EXIF orientation says; "ignore" takes it as it is
            stored.
        view: text of the ops that make the student's modality, or empty.
        resize: kernel, a name of `keras_kd.data.resize.KERNELS`.

    Returns:
        float32 `[H, W, C]` in [-1, 1].
    """
    height, width, channels = shape
    boxes = full_boxes if full_image else functools.partial(central_boxes, scale=scale)

    def upright(size, crop):
        """What `crop` gives of the evaluation's box of an image whose stored form has this size."""
        if exif != "apply":
            return crop(boxes(size[None])[0])
        turn = orientation.turn_of(size, orientation_of(encoded))
        box = orientation.stored_box(boxes(turn[None, 3:])[0], turn)
        return orientation.turned(crop(box), turn)

    def jpeg():
        # As training and evaluation read it: a decoder that knows the box rounds the colours at
        # its edge in its own way.
        size = tf.io.extract_jpeg_shape(encoded)[:2]
        return upright(size, lambda box: crop_jpeg(encoded, box, channels))

    def other():
        image = bitmaps.decoded(encoded, channels)

        def crop(box):
            return tf.slice(image, [box[0], box[1], 0], [box[2], box[3], -1])

        return upright(tf.shape(image)[:2], crop)

    image = tf.cond(tf.io.is_jpeg(encoded), jpeg, other)
    image = KERNELS[resize](image, tf.constant([height, width]))
    image = tf.ensure_shape(image / 127.5 - 1.0, shape)
    return Modality.parse(view).apply(image) if view else image


def _build(model, shape, names, decode):
    """The module that owns the variables, and its signatures by name."""

    def answer(image):
        logits = logits_of(model, image)
        best = tf.argmax(logits, axis=-1)
        outputs = {"logits": logits, "probabilities": tf.nn.softmax(logits), "class": best}
        if names:
            outputs["class_name"] = tf.gather(tf.constant(names), best)
        return outputs

    def from_image(image):
        return answer(image)

    def from_bytes(encoded):
        images, ok = _decode_all(encoded, decode, shape)
        return _told_apart(answer(images), ok)

    wanted = {"serving_default": (from_image, tf.TensorSpec([None, *shape], tf.float32, "image"))}
    if shape[-1] in (1, 3):
        wanted["serve_bytes"] = (from_bytes, tf.TensorSpec([None], tf.string, "bytes"))
    module = tf.Module()
    signatures = {
        name: tf.function(function, input_signature=[spec]).get_concrete_function()
        for name, (function, spec) in wanted.items()
    }
    # What the graphs read and nothing more: neither seeds of dropout nor metrics leave the house.
    module.student_variables = list(signatures["serving_default"].variables)
    return module, signatures


def _decode_all(encoded, decode, shape):
    """Encoded images as one batch, in which those that do not decode are grey; and which did.

    Args:
        encoded: string `[N]`.
        decode: function of one of them to a float32 image `[H, W, C]`.
        shape: (H, W, C).

    Returns:
        (float32 `[N, H, W, C]`, bool `[N]`).
    """
    count = tf.shape(encoded, out_type=tf.int64)[0]
    # Of all that a graph can do, only a data set passes over an element that fails.
    decoded = (
        tf.data.Dataset.from_tensor_slices(encoded)
        .enumerate()
        .map(lambda place, item: (place, decode(item)), num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
    )
    # One more behind the last, since a batch of nothing would be no element.
    spare = tf.data.Dataset.from_tensors((count, tf.zeros(shape)))
    places, images = decoded.concatenate(spare).batch(count + 1).get_single_element()
    rows, size = places[:, None], tf.cast(count + 1, tf.int64)
    images = tf.scatter_nd(rows, images, tf.concat([[size], tf.constant(shape, tf.int64)], 0))
    ok = tf.scatter_nd(rows, tf.ones_like(places), [size]) > 0
    return tf.ensure_shape(images[:-1], (None, *shape)), ok[:-1]


def _told_apart(outputs, ok):
    """The outputs, where images that did not decode have none, and what became of each image."""
    nothing = {"class": tf.constant(-1, tf.int64)}
    for name, values in outputs.items():
        own = tf.reshape(ok, [-1, *[1] * (len(values.shape) - 1)])
        outputs[name] = tf.where(own, values, nothing.get(name, tf.zeros([], values.dtype)))
    places = tf.strings.as_string(tf.range(tf.shape(ok)[0]))
    broken = tf.strings.join(["image ", places, BROKEN])
    return {**outputs, "ok": ok, "error": tf.where(ok, "", broken)}
