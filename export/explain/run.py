"""From a finished run to where its file of integers loses, and to the recipe that helps."""

import functools
import logging

import numpy as np

from keras_kd.export import formats, quantizer
from keras_kd.export.calibration import checked_images
from keras_kd.export.explain import errors, greedy
from keras_kd.export.explain.files import Files
from keras_kd.export.integers import Integers
from keras_kd.export.kept_layers import layer_named, nodes_by_layer
from keras_kd.export.material import Material
from keras_kd.export.measure import images_and_labels
from keras_kd.export.network import image_shape, layers_of, student_of
from keras_kd.export.run import record
from keras_kd.export.speed import interleaved
from keras_kd.models.wrap import is_quantized
from keras_kd.run.workdir import existing_workdir

_log = logging.getLogger(__name__)
LOOKED_AT = 32  # calibration images on which the layers' errors are measured
TESTED = 500  # test images at most
CANDIDATES = 6  # layers that the search may keep
ENOUGH = 0.995  # agreement with the student in floats at which nothing more is kept


def explainable():
    """Names of the formats that can be explained."""
    found = formats.found().items()
    return [name for name, kind in found if isinstance(kind, Integers) and name[:4] == "int8"]


def check_explainable(name):
    """Refuses what is no format of eight bits.

    Raises:
        ValueError: names those there are.
    """
    if name not in explainable():
        raise ValueError(
            f"--explain must be one of {', '.join(explainable())}. Received: {name!r}. "
            "Other formats compute in floats, or hold what was trained."
        )


def explain(workdir, name="int8", options=None):
    """Measures what each layer of the student loses in integers, and what keeping it would give.

    Adds what it finds to `report.json` as `explain`.

    Args:
        workdir: the folder that keras-kd-train wrote.
        name: format, "int8" or "int8_full".
        options: `keras_kd.export.options.Options`; default: those of the run's config.

    Returns:
        dict: `format`; `layers`, list of dicts of `errors.LayerError`, the worst first; `singles`
        and `path` of `greedy.search`, with `latency_ms`; `norms`, the same facts of the file that
        keeps norms, or None; `recipe`, a list of names; `command`, which builds it.

    Raises:
        ValueError: no such format, a student in few bits, or as of `export`.
    """
    check_explainable(name)
    workdir = existing_workdir(workdir)
    material = Material(workdir, options)
    model = student_of(material.student)
    if is_quantized(model):
        raise ValueError(
            "--explain is for students in floats, whose ranges are measured. Received: a student "
            "that was trained in few bits; its file holds what was trained."
        )
    found = explained(
        model,
        name,
        material.resolution,
        checked_images(material.calibration_images, image_shape(model, material.resolution), name),
        *_tested(material),
    )
    listed = ",".join(found["recipe"])
    kept = f" --keep_float={listed}" if listed else ""
    found["command"] = f"keras-kd-export --workdir=DIR --formats={found['build']}{kept}"
    record(workdir, "explain", found)
    return found


def explained(model, name, resolution, calibration, images, labels, logits):
    """As `explain`, from the student itself.

    Args:
        model: what `student_of` returned.
        name: format.
        resolution: px, for a model that leaves its input size open.
        calibration: float32 images `[N, H, W, C]`.
        images, labels, logits: test images, labels or None, and the student's own answers.
    """
    measured, _ = formats.get(name).measured(model, resolution, calibration, "logits")
    measured = quantizer.with_input_range(measured)
    names = {layer.name for layer in layers_of(model)}
    named = functools.partial(layer_named, names=names, model=model)
    _log.info("Comparing each layer with itself in float32 ...")
    layers = errors.layer_errors(measured, calibration[:LOOKED_AT], named)
    nodes = nodes_by_layer(measured, model)
    candidates = [one.layer for one in layers if one.layer in nodes][:CANDIDATES]
    files = Files(measured, nodes, images, labels, logits)
    try:
        _log.info("Keeping layers in float32: %s ...", ", ".join(candidates))
        singles, path = greedy.search(candidates, files.of_layers, ENOUGH)
        norms = files.with_norms() if quantizer.has_norms(measured) else None
        _add_latencies([*singles, *path, *([norms] if norms else [])], files, images[:1])
    finally:
        files.close()
    return {
        "format": name,
        "build": "int8_full" if norms else name,
        "examples": len(images),
        "layers": [one._asdict() for one in layers],
        "singles": singles,
        "path": path,
        "norms": norms,
        "recipe": path[-1]["keep"],
    }


def _tested(material):
    """(images, labels or None, the student's answers) of the first test images."""
    images = []
    for batch in material.test_images:
        images.append(images_and_labels(batch)[0])
        if sum(map(len, images)) >= TESTED:
            break
    logits, known = material.answers
    images = np.concatenate(images)[:TESTED]
    return images, None if known is None else known[: len(images)], logits[: len(images)]


def _add_latencies(rows, files, image):
    """Sets `latency_ms` of each file, timed in turns with the others; their paths are gone then."""
    paths = {row["path"] for row in rows}
    timed = {path: functools.partial(files.runner(path).timed, image) for path in paths}
    times = interleaved(timed, turns=30)
    for row in rows:
        if "path" in row:  # rows of a path are those of single layers, too
            row["latency_ms"] = times[row.pop("path")].median_ms
