"""The student as a SavedModel that plain TensorFlow serves: from pixels, or from JPEG/PNG bytes."""

import functools
import json
import tempfile
from pathlib import Path

import tensorflow as tf

from keras_kd.data.ops import central_boxes, check_scale, full_boxes
from keras_kd.export.network import image_shape, logits_of, student_of
from keras_kd.utils.crops import EVAL_SCALE
from keras_kd.utils.files import folder_bytes, replace_folder


def to_saved_model(
    model, path, class_names=None, resolution=None, full_image=False, scale=EVAL_SCALE
):
    """Writes the student as a SavedModel with two signatures and the class names inside.

    `serving_default` takes `image`, float32 `[N, H, W, C]` in [-1, 1]; `serve_bytes` takes `bytes`,
    string `[N]` of encoded JPEG or PNG images of any size, and does the evaluation's crop and
    resize itself. Both return `logits` and `probabilities`, float32 `[N, K]`, `class`, int64
    `[N]`, and, where names are given, `class_name`, string `[N]`. No Python code of ours is
    needed to load it.

    Args:
        model: a Keras model with one image input and logits out; of a `KDModel`, its student.
        path: the folder to write; an existing one is replaced once the new one is complete.
        class_names: K names in the order of the logits, or None.
        resolution: pixels, an int or (H, W), only for a model that leaves its input size open.
        full_image: `serve_bytes` resizes the whole image instead of cutting the central square.
        scale: resized short side over the side of that square, at least 1, as of the evaluation.

    Returns:
        A dict: `path`, `bytes` (of the whole folder) and `signatures` (their names).
        `serve_bytes` is left out for images that are neither grey nor RGB.

    Raises:
        ValueError: the model has no single image input, the names do not match its classes, or
            `scale` is out of its range.
        OSError: the disk is full; the previous folder is untouched.
    """
    check_scale("scale", scale)
    model = student_of(model)
    shape = image_shape(model, resolution)
    names = _checked_names(class_names, model)
    module, signatures = _build(model, shape, names, full_image, scale)
    with tempfile.TemporaryDirectory() as scratch, replace_folder(path) as fresh:
        if names:
            listing = Path(scratch, "class_names.txt")
            listing.write_text("\n".join(map(_one_line, names)) + "\n", encoding="utf-8")
            module.class_names_file = tf.saved_model.Asset(str(listing))
        tf.saved_model.save(module, str(fresh), signatures=signatures)
        extra = fresh / "assets.extra"
        extra.mkdir(exist_ok=True)
        notes = {"input_range": [-1, 1], "input_shape": [None, *shape], "class_names": names}
        notes |= {"full_image": bool(full_image), "scale": scale}
        (extra / "keras_kd.json").write_text(
            json.dumps(notes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return {"path": str(path), "bytes": folder_bytes(path), "signatures": sorted(signatures)}


def decode_for_evaluation(encoded, shape, full_image=False, scale=EVAL_SCALE):
    """One encoded image as the evaluation sees it.

    Args:
        encoded: string scalar, a JPEG or PNG file.
        shape: (H, W, C) of the result, C being 1 or 3; colours are converted, alpha is dropped.
        full_image: resize the whole image instead of its central square.
        scale: resized short side over the side of that square, at least 1.

    Returns:
        float32 `[H, W, C]` in [-1, 1].
    """
    height, width, channels = shape
    boxes = full_boxes if full_image else functools.partial(central_boxes, scale=scale)

    def crop_jpeg():
        # As training and evaluation read it: a decoder that knows the box rounds the colours at
        # its edge in its own way.
        box = boxes(tf.io.extract_jpeg_shape(encoded)[None, :2])[0]
        return tf.io.decode_and_crop_jpeg(encoded, box, channels=channels)

    def crop_other():
        image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
        image.set_shape([None, None, channels])
        top, left, rows, columns = tf.unstack(boxes(tf.shape(image)[None, :2])[0])
        return image[top : top + rows, left : left + columns]

    image = tf.cond(tf.io.is_jpeg(encoded), crop_jpeg, crop_other)
    image = tf.image.resize(image, (height, width), method="bilinear")
    return tf.ensure_shape(image / 127.5 - 1.0, shape)


def _build(model, shape, names, full_image, scale):
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
        images = tf.map_fn(
            lambda item: decode_for_evaluation(item, shape, full_image, scale),
            encoded,
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )
        return answer(images)

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


def _checked_names(class_names, model):
    if class_names is None:
        return None
    names = [str(name) for name in class_names]
    output = model.output_shape
    output = output.get("logits") if isinstance(output, dict) else output
    classes = output[-1] if output else None
    classes = 2 if classes == 1 else classes  # one logit z is [0, z]
    if classes is not None and len(names) != classes:
        raise ValueError(
            f"Expected {classes} class names, one for each logit. Received: "
            f"class_names={names[:5]}{'...' if len(names) > 5 else ''} ({len(names)} names). "
            "Give the names of the data the student was trained on."
        )
    return names


def _one_line(name):
    """A name that keeps to its line in the text asset; the graph holds the exact one."""
    return " ".join(name.splitlines()) or " "
