"""From a finished training run to every file for the device, each checked on the test images."""

import sys
import time
from pathlib import Path

import numpy as np

from keras_kd.export.calibration import SampledSource
from keras_kd.export.files import ExportError, existing_workdir, read_json, section, write_json
from keras_kd.export.runner import benchmark, keras_logits, verify
from keras_kd.export.saved_model import to_saved_model
from keras_kd.export.tflite import FORMATS as LITE_FORMATS
from keras_kd.export.tflite import known_format, to_tflite

FORMATS = ("saved_model", *LITE_FORMATS)
CALIBRATION_IMAGES = 200


def export(workdir, formats=None):
    """Exports the student of a training run, and checks and times each file on the test images.

    Writes `export/saved_model/` and `export/student_FORMAT.tflite` below `workdir`, and adds what
    was measured to `exports` in its `report.json` after each format. Prints its progress.

    Args:
        workdir: the folder that keras-kd-train wrote.
        formats: some of "saved_model", "float32", "float16", "dynamic", "int8"; None takes those
            of the run's config, or else all of them.

    Returns:
        A dict by format: `bytes`, `accuracy`, `agreement_with_keras`, `max_abs_logit_difference`,
        `examples`, `latency_ms`, `p90_ms`, `runs`, `threads`; TFLite files also `fully_quantized`,
        `float_tensors` and `fallback`.

    Raises:
        ExportError: no such folder, an unfinished run, an unknown format, data that is gone.
        OSError: the disk is full; what was there before is untouched.
    """
    workdir = existing_workdir(workdir)
    config = read_json(workdir / "config.json", {})
    if formats is None:
        formats = section(config, "export").get("formats") or FORMATS
    # Before anything slow is done: a typo must not cost minutes.
    formats = check_formats(formats)
    student = load_student(workdir)
    source = load_data(config, workdir / "index")
    dataset = evaluation_images(source, config, student)
    logits, labels = keras_logits(student, dataset)
    say(
        f"Exporting the student: {student.count_params():,} parameters, "
        f"checked on {len(logits):,} images of split {split_name(config, 'eval')!r}."
    )
    if labels is not None:
        say(f"  keras        accuracy {(logits.argmax(-1) == labels).mean():.2%}")
    results = {}
    for name in formats:
        results[name] = export_one(name, student, workdir, source, config, logits, dataset)
        record_result(workdir, name, results[name])
    return results


def export_one(name, student, workdir, source, config, logits, dataset):
    """Converts to one format, verifies and times the file. Returns its entry of `exports`."""
    say(f"  {name:<12} converting ...")
    if name == "saved_model":
        path = workdir / "export" / "saved_model"
        names = source.class_names if len(source.class_names) == logits.shape[-1] else None
        size = resolution(config, student)
        written = to_saved_model(student, path, names, size, **evaluated_box(config))
    else:
        path = workdir / "export" / f"student_{name}.tflite"
        images = None
        if name == "int8":
            images = calibration_images(training_data(source, config, workdir), config, student)
        size = resolution(config, student)
        written = to_tflite(student, path, name, images, size)
    written.pop("path")
    start = time.perf_counter()
    checked = verify(logits, path, dataset)
    rate = checked["examples"] / max(time.perf_counter() - start, 1e-9)
    entry = {**written, **checked, **benchmark(path)}
    entry["path"] = path.relative_to(workdir).as_posix()
    accuracy = "" if checked["accuracy"] is None else f"accuracy {checked['accuracy']:.2%}, "
    say(
        f"  {name:<12} {entry['bytes']:,} bytes, {accuracy}agreement with Keras "
        f"{checked['agreement_with_keras']:.2%}, {entry['latency_ms']:.3g} ms an image "
        f"(checked at {rate:,.0f} images/s)"
    )
    if written.get("fallback"):
        say(f"  {name:<12} note: {written['fallback']}")
    return entry


def check_formats(formats):
    """The formats, each once; refuses unknown ones.

    Raises:
        ExportError: lists the known formats and the nearest.
    """
    return [known_format(name, FORMATS) for name in dict.fromkeys(formats)]


def load_student(workdir):
    """The Keras student of a finished run.

    Raises:
        ExportError: the run has not written one yet, or the file does not load.
    """
    path = Path(workdir) / "student.keras"
    if not path.is_file():
        raise ExportError(
            "Expected a finished run with its student.keras. "
            f"Received: workdir={str(workdir)!r}, which has none. Start keras-kd-train again on "
            "this working directory: it goes on where it stopped."
        )
    import keras

    import keras_kd.models  # noqa: F401  (registers the layers that the file may name)

    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise ExportError(
            f"Expected a Keras model file. Received: file={path.name!r}, which does not load "
            f"({' '.join(str(error).split())[:200]}). Train again, or restore the file."
        ) from error


def load_data(config, index_dir=None, role="eval"):
    """A source of the run; `index_dir` holds the scan that training made.

    Args:
        config: the run's config, a nested dict.
        index_dir: folder of the scans, or None.
        role: "eval", the data set of the classes; or "train", whose images the student saw: the
            same one unless the run distilled on another.

    Raises:
        ExportError: the config names none, or its data is not where it was.
    """
    from keras_kd.data import load_source

    data = section(config, "data")
    name = (role == "eval" and data.get("eval_source")) or data.get("source")
    if not name:
        raise ExportError(
            "Expected a config.json that names data.source. "
            f"Received: data.source={name!r}. Is this the folder that keras-kd-train wrote?"
        )
    allowed = data.get("allow_bad")
    options = {} if allowed is None else {"allow_bad": allowed}
    try:
        return load_source(
            name, data_dir=data.get("data_dir") or None, index_dir=index_dir, **options
        )
    except (ValueError, OSError) as error:
        raise ExportError(
            f"The data of this run could not be read: {' '.join(str(error).split())}"
        ) from error


def evaluation_images(source, config, student=None, split="eval", batch_size=None):
    """Images and labels of a split in order, prepared as the run's evaluation prepared them."""
    from keras_kd.data import evaluation_dataset

    data = section(config, "data")
    return evaluation_dataset(
        source,
        split_name(config, split),
        batch_size or data.get("eval_batch_size") or 100,
        resolution(config, student),
        **evaluated_box(config),
    )


def evaluated_box(config):
    """What the run's evaluation shows of an image: `full_image` and `scale`, as a dict."""
    data = section(config, "data")
    return {
        "full_image": bool(data.get("eval_full_image")),
        "scale": data.get("eval_scale") or 8 / 7,
    }


def training_data(source, config, workdir):
    """The source whose images the student learned from; `source` itself where it is that."""
    if not section(config, "data").get("eval_source"):
        return source
    return load_data(config, workdir / "index", role="train")


def calibration_images(source, config, student):
    """`export.calibration_images` training images as `[B, H, W, C]` arrays, batch by batch."""
    count = section(config, "export").get("calibration_images") or CALIBRATION_IMAGES
    sample = SampledSource(source, split_name(config, "train"), count)
    return (np.asarray(images) for images, _ in evaluation_images(sample, config, student, "train"))


def split_name(config, role):
    """The name of the "train" or "eval" split."""
    default = {"train": "train", "eval": "test"}[role]
    return section(config, "data").get(f"{role}_split") or default


def resolution(config, student=None):
    """Side of the square input in pixels: the config's, or else the student's own."""
    size = section(config, "data").get("resolution")
    if size:
        return int(size) if np.isscalar(size) else tuple(size)
    height = student.input_shape[1] if student is not None else None
    if height is None:
        raise ExportError(
            "Expected data.resolution in config.json, in pixels. Received: data.resolution=None."
        )
    return int(height)


def record_result(workdir, name, entry):
    """Adds one format to `exports` in `report.json`, leaving the others as they are."""
    path = Path(workdir) / "report.json"
    report = read_json(path, {})
    exports = report.get("exports")
    report["exports"] = {**(exports if isinstance(exports, dict) else {}), name: entry}
    write_json(path, report)


def say(line):
    """One line to the terminal, at once, so that a log file shows where a run stands."""
    print(line, file=sys.stdout, flush=True)
