"""Proof that a SavedModel shows itself, of encoded images of many sizes, what was evaluated."""

import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

# Short sides in pixels, among them those of which 7/8 end in a half; the long one is up to twice.
SIDES = (1, 2, 7, 8, 12, 20, 28, 33, 36, 44, 52, 60, 63, 64, 76, 84, 92, 100, 108, 116, 127, 129,
         140, 148, 156, 172, 188, 204, 225, 236, 252, 260)  # fmt: skip

ENDINGS = ("jpg", "png", "bmp", "webp")
IN_COLOURS = ("webp",)  # TensorFlow, and so the evaluation, reads no greys of them


def compare_bytes(path):
    """Compares `serve_bytes` of a SavedModel with its own answers to the images of the evaluation.

    Images of many sizes are made, JPEG, PNG, BMP with a palette and WebP in turn, evaluated through
    the data pipeline as a folder of photographs is, and served as bytes.

    Args:
        path: the folder that `to_saved_model` wrote.

    Returns:
        dict: `examples`; `agreement`, the share of equal classes in [0, 1];
        `max_abs_logit_difference`. None where the SavedModel takes no bytes, or images that are
        not square, which no evaluation makes.
    """
    from keras_kd.data import evaluation_dataset, load_source
    from keras_kd.data.modality import Modality
    from keras_kd.data.resize import DEFAULT

    loaded = tf.saved_model.load(str(path))
    if "serve_bytes" not in loaded.signatures:
        return None
    notes = json.loads((Path(path) / "assets.extra" / "keras_kd.json").read_text("utf-8"))
    _, height, width, channels = notes["input_shape"]
    if height != width:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        files = _write_images(Path(scratch), channels)
        source = load_source(f"folder:{scratch}", exif=notes["exif"])
        source.channels = channels  # folders are of colours, a student may be of greys
        seen = evaluation_dataset(
            source,
            "test",
            len(files),
            height,
            full_image=notes["full_image"],
            scale=notes["scale"],
            resize=notes.get("resize", DEFAULT),
            modality=Modality.parse(view) if (view := notes.get("view")) else None,
        )
        images, labels = next(iter(seen))
        encoded = [files[int(label)].read_bytes() for label in labels]
    expected = loaded.signatures["serving_default"](image=images)["logits"].numpy()
    served = loaded.signatures["serve_bytes"](bytes=tf.constant(encoded))
    logits, ok = served["logits"].numpy(), served["ok"].numpy()
    return {
        "examples": len(files),
        "agreement": float(((logits.argmax(-1) == expected.argmax(-1)) & ok).mean()),
        "max_abs_logit_difference": float(np.abs(logits - expected).max()),
    }


def _write_images(folder, channels):
    """One image a class, so that its label tells which it is; the files in the classes' order."""
    rng, files = np.random.default_rng(0), []
    endings = [one for one in ENDINGS if channels == 3 or one not in IN_COLOURS]
    for number, short in enumerate(SIDES):
        long = short + int(rng.integers(0, short + 1))
        size = (short, long) if number // 2 % 2 else (long, short)
        image = Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8))
        ending, about = endings[number % len(endings)], {}
        if ending == "webp":
            about["lossless"] = True  # lossy ones are decoded by Pillow where TensorFlow is off
        if ending != "bmp":
            about["exif"] = _oriented(1 + number // len(endings) % 8)
        if ending == "bmp":
            image = image.quantize(64)
        for split in ("train", "test"):
            file = folder / split / f"{number:03d}" / f"0.{ending}"
            file.parent.mkdir(parents=True)
            image.save(file, **about)
        files.append(file)
    return files


def _oriented(told):
    """EXIF data with an orientation, which the SavedModel heeds or not as the evaluation does."""
    exif = Image.Exif()
    exif[0x0112] = told
    return exif
