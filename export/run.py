"""From a finished training run to every file for the device, each checked on the test images."""

import logging
import time

from keras_kd.export import latency
from keras_kd.export.claim import claim
from keras_kd.export.exits import export_exits
from keras_kd.export.formats import check_formats, found, get
from keras_kd.export.material import Material
from keras_kd.export.resizing import compare_resizing
from keras_kd.run.workdir import existing_workdir
from keras_kd.utils.files import read_json, write_json

_log = logging.getLogger(__name__)


def export(workdir, formats=None, options=None):
    """Exports the student of a training run, and checks and times each file on the test images.

    Writes one file or folder a format below `workdir/export`, and adds what was measured to
    `exports` in its `report.json` after each. Logs its progress.

    Args:
        workdir: the folder that keras-kd-train wrote.
        formats: names of modules in `keras_kd/export/formats`; None takes those of the run's
            config, or else all that are written by default.
        options: `keras_kd.export.options.Options`; None takes those of the run's config.

    Returns:
        A dict by format: `bytes`, `accuracy`, `agreement_with_keras`, `max_abs_logit_difference`,
        `examples`, `latency_ms`, `p90_ms`, `runs`, `threads`, `path` and the format's own facts;
        TFLite files have `fully_quantized`, `float_tensors` and `fallback`.

    Raises:
        ValueError: no such folder, an unfinished run, an unknown format, data that do not fit.
        OSError: data that are gone, or a full disk; what was there before is untouched.
    """
    workdir = existing_workdir(workdir)
    material = Material(workdir, options)
    # Before anything slow is done: a typo must not cost minutes.
    chosen = check_formats(formats or tuple(material.config.export.formats) or None)
    logits, labels = material.answers
    claim(workdir / "export", material.config.to_dict())
    _log.info(
        "Exporting the student: %s parameters, checked on %s images of split %r.",
        f"{material.student.count_params():,}",
        f"{len(logits):,}",
        material.split,
    )
    if labels is not None:
        _log.info("  keras        accuracy %.2f%%", 100 * (logits.argmax(-1) == labels).mean())
    results = {}
    for name in chosen:
        results[name] = export_one(name, workdir, material)
        record_result(workdir, name, results[name])
    record(workdir, "latency", _latency(workdir))
    record(workdir, "resizing", _resizing(material))
    if (exits := export_exits(material)) is not None:
        record(workdir, "exits", exits)
    return results


def _latency(workdir):
    """Times of all files of a working directory in turns, see `keras_kd.export.latency`."""
    known = read_json(workdir / "report.json", {}).get("exports") or {}
    paths = {
        name: workdir / entry["path"]
        for name, entry in known.items()
        if isinstance(entry, dict) and "path" in entry
    }
    facts = latency.compare_latency(
        {
            name: (kind, paths[name])
            for name, kind in found().items()
            if name in paths and not kind.missing and kind.opens(paths[name])
        }
    )
    latency.log(facts)
    return facts


def _resizing(material):
    """Answers to images resized in other ways, see `keras_kd.export.resizing`."""
    found = compare_resizing(material)
    for kind in found["kinds"][1:]:
        _log.info(
            "  %s: the same answer on %.2f%% of %s test images",
            kind["name"],
            100 * kind["agreement"],
            f"{found['examples']:,}",
        )
    return found


def export_one(name, workdir, material):
    """Writes one format, verifies and times the file. Returns its entry of `exports`."""
    kind = get(name)
    _log.info("  %-12s converting ...", name)
    path = workdir / "export" / kind.file_name
    needed = material.for_format(kind)
    written = kind.write(material.student, path, material.resolution, **needed)
    start = time.perf_counter()
    checked = kind.verify(material.answers[0], path, material.test_images)
    rate = checked["examples"] / max(time.perf_counter() - start, 1e-9)
    entry = {**written, **checked, **kind.benchmark(path)}
    entry["min_agreement"] = material.options.min_agreement
    entry["path"] = path.relative_to(workdir).as_posix()
    accuracy = "" if checked["accuracy"] is None else f"accuracy {checked['accuracy']:.2%}, "
    _log.info(
        "  %-12s %s bytes, %sagreement with Keras %.2f%%, %.3g ms an image "
        "(checked at %s images/s)",
        name,
        f"{entry['bytes']:,}",
        accuracy,
        100 * checked["agreement_with_keras"],
        entry["latency_ms"],
        f"{rate:,.0f}",
    )
    for remark in kind.remarks(entry):
        _log.info("  %-12s %s", name, remark)
    return entry


def record_result(workdir, name, entry):
    """Adds one format to `exports` in `report.json`, leaving the others as they are."""
    known = read_json(workdir / "report.json", {}).get("exports") or {}
    record(workdir, "exports", {**known, name: entry})


def record(workdir, key, facts):
    """Sets one key of `report.json`, leaving the others as they are."""
    path = workdir / "report.json"
    write_json(path, {**read_json(path, {}), key: facts})
