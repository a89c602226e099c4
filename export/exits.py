"""The student with its early exits as one TFLite file of several answers, each measured."""

import logging

import keras
import numpy as np

from keras_kd.export.conversion import ConversionFailed, converted, no_kernel
from keras_kd.run.facts import EXITS
from keras_kd.utils.files import write_atomically

FILE = "exits.tflite"

_log = logging.getLogger(__name__)


def export_exits(material):
    """Writes `export/exits.tflite`, float32, where the run kept exits, and measures each answer.

    Args:
        material: `keras_kd.export.material.Material`.

    Returns:
        None where the run kept none, or a dict of `path`, `bytes` and `answers`: from each
        answer's name to its `accuracy` (None without labels) and `agreement_with_keras`.

    Raises:
        ValueError: an operation that TFLite does not have.
    """
    workdir = material.run.path
    if not (workdir / EXITS).exists():
        return None
    model = keras.saving.load_model(workdir / EXITS)
    side = material.resolution
    shape = tuple(size or side for size in model.input_shape[1:])
    try:
        content = converted(lambda image: model(image, training=False), shape, lambda _: None)
    except ConversionFailed as failed:
        raise no_kernel(failed) from failed.__cause__
    path = workdir / "export" / FILE
    write_atomically(path, lambda file: file.write(content))
    answers = _measured(model, path, material.test_images)
    for name, facts in answers.items():
        told = "" if facts["accuracy"] is None else f"accuracy {facts['accuracy']:.2%}, "
        agrees = facts["agreement_with_keras"]
        _log.info("  exits        %s: %sagreement with Keras %.2f%%", name, told, 100 * agrees)
    return {
        "path": path.relative_to(workdir).as_posix(),
        "bytes": len(content),
        "answers": answers,
    }


def run_file(path, images):
    """The answers of a file for images `[B, H, W, C]`: dict of name to float32 `[B, K]`."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(path)).get_signature_runner()
    each = [run(image=image[None]) for image in np.asarray(images, np.float32)]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def _measured(model, path, dataset):
    right, same, labelled, examples = {}, {}, 0, 0
    for images, labels in dataset:
        images = images.get("student", images.get("image")) if isinstance(images, dict) else images
        expected, found = model(images, training=False), run_file(path, images)
        examples += len(images)
        labelled += 0 if labels is None else len(labels)
        for name, logits in found.items():
            top = logits.argmax(-1)
            agreed = (top == np.asarray(expected[name]).argmax(-1)).sum()
            same[name] = same.get(name, 0) + int(agreed)
            if labels is not None:
                right[name] = right.get(name, 0) + int((top == np.asarray(labels)).sum())
    return {
        name: {
            "accuracy": right[name] / labelled if labelled else None,
            "agreement_with_keras": count / examples,
        }
        for name, count in sorted(same.items())
    }
