"""Whose classes a teacher knows, in which order: its names against those of the data.

A teacher's names come from the argument `classes`, a list or a file of them: one name a line, in
the order of the teacher's outputs, or a JSON list. Else they come from what lies beside it: of a
file the `labels.txt` inside it, as TFLite metadata hold it, the one in its folder, or the
`report.json` of the run that left it; of a SavedModel the names
in `assets.extra/keras_kd.json`, or a text file of its assets.
"""

import json
import logging
import zipfile
from pathlib import Path

import keras

from keras_kd.models.answers import ClassOrder
from keras_kd.models.some_classes import SomeClasses
from keras_kd.teachers.kind import ELSEWHERE
from keras_kd.teachers.wanted import Asked
from keras_kd.utils.names import nearest

FEW = 5  # names in a sentence
_logger = logging.getLogger(__name__)


def read_classes(classes):
    """The names that an argument `classes` gives.

    Args:
        classes: list of names, or the path of a file, one a line or a JSON list.

    Returns:
        tuple of str.

    Raises:
        ValueError: no such file, one that is not text, or no names.
    """
    if isinstance(classes, str | Path):
        names, received = _of_file(Path(classes)), f"classes={str(classes)!r}"
    else:
        names, received = [str(name) for name in classes], f"{len(classes)} classes"
    if not names:
        raise ValueError(
            f"classes must be names of the teacher's classes. Received: {received}, which has "
            "none. Write one name a line, in the order of the teacher's outputs."
        )
    return tuple(names)


def _of_file(path):
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            names = json.loads(text)
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
            raise ValueError("no list of names")
    except (OSError, ValueError) as error:
        raise ValueError(
            "classes must be a text file with one name a line, or a .json list of names. Received: "
            f"classes={str(path)!r}: {error}."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def recorded_classes(handle):
    """The names that lie beside a teacher.

    Args:
        handle: path of a file or of a SavedModel folder, with or without a scheme before it;
            beside any other handle lies nothing.

    Returns:
        (tuple of str, where they were found); both are empty where there are none.
    """
    places = (Path(text) for text in (str(handle), str(handle).partition(":")[2]) if text)
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return (), ""
    for place, read in (_beside_folder if path.is_dir() else _beside_file)(path):
        names = read(place) if place.is_file() else None
        if names:
            return tuple(map(str, names)), place
    return (), ""


def _beside_file(path):
    yield path, _inside
    yield path.parent / "labels.txt", _lines
    yield path.parent / "report.json", lambda place: _of_report(place, path.stem)


def _beside_folder(path):
    yield path / "assets.extra" / "keras_kd.json", lambda place: _json(place).get("class_names")
    for name in ("labels.txt", "class_names.txt"):
        yield path / "assets" / name, _lines
    yield path / "labels.txt", _lines


def _of_report(place, stem):
    """The classes of the run that left a file: its student, or a stage's network."""
    report = _json(place)
    left = {"student", *report.get("stages", {})}
    return report.get("classes") if stem in left else None


def _json(place):
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not ours, or damaged: it tells nothing
        return {}
    return found if isinstance(found, dict) else {}


def _inside(path):
    """The labels that are packed into a file, which is a zip archive, too."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".txt")]
            chosen = "labels.txt" if "labels.txt" in names or len(names) != 1 else names[0]
            text = archive.read(chosen).decode(errors="replace")
    except (KeyError, OSError, zipfile.BadZipFile):  # no archive, or none with labels
        return None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _lines(place):
    try:
        lines = place.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):  # not text: it tells nothing
        return None
    return [line.strip() for line in lines if line.strip()]


def in_order_of_data(model, label, known, names, fine_tune=ELSEWHERE, some_classes=False):
    """A teacher whose logits stand in the order of the data's classes.

    Args:
        model: functional Keras model of logits `[B, N]`.
        label: the teacher for an error.
        known: (names, place), as `recorded_classes` gives them: N names of the teacher's classes in
            its order, or none, and their file; an empty one: they were given.
        names: K names of the data's, or None.
        fine_tune: how it would learn other classes, see `keras_kd.teachers.kind`.
        some_classes: whether it may lack some of the data's classes, if not all.

    Returns:
        a `keras.Model` of logits `[B, K]`, the same one where nothing has to be done. Classes that
        the data have not are left out.

    Raises:
        ValueError: names that are not as many as the logits, or of which some are missing, or
            stand for two of them.
    """
    own, place = known
    if not own or names is None or tuple(own) == tuple(names):
        return model
    numbered = list(names) == [str(index) for index in range(len(names))]
    if place and numbered and not set(names) & set(own):
        return model  # the data have no names that could be compared
    units = model.output_shape[-1]
    if len(own) != units:
        if place:  # a file that lies there may be of something else
            _logger.warning(
                "%s: the %d names in %s are not those of its %d outputs, which are taken in the "
                "order of the data's classes. Give classes=FILE if that is another one.",
                *(label, len(own), place, units),
            )
            return model
        raise ValueError(
            f"classes must name each of the teacher's outputs, {units} in all. Received: "
            f"{len(own)} names for {label}."
        )
    missing = [name for name in names if name not in own]
    if missing and not (some_classes and len(missing) < len(names)):
        _refuse(label, own, missing, len(names), place, fine_tune)
    twice = [name for name in names if own.count(name) > 1]
    if twice:
        raise ValueError(
            "a class of the data must be one of the teacher's. Received: "
            f"{label}, whose {_said(place)} have {twice[0]!r} {own.count(twice[0])} times. Pass "
            "classes=FILE with names that tell them apart, one a line, in the order of the "
            "teacher's outputs."
        )
    _logger.info(
        "%s: its classes stand in another order than the data's, or are more; %s tells which.",
        label,
        place or "classes",
    )
    places = [own.index(name) if name in own else -1 for name in names]
    order = (SomeClasses if missing else ClassOrder)(places, name="classes")
    return keras.Model(model.inputs[0], order(model.outputs[0]), name=model.name)


def _refuse(label, own, missing, count, place, fine_tune):
    told = [f"{name!r}{nearest(name, own)}" for name in missing[:FEW]]
    rest = f" and {len(missing) - FEW} more" if len(missing) > FEW else ""
    raise Asked(
        f"a teacher must know the classes of the data. Received: {label}, whose {_said(place)} "
        f"lack {len(missing)} of the data's {count}: {', '.join(told)}{rest}. Take a teacher of "
        f"these classes, or {fine_tune}; if they only have other names there, pass classes=FILE "
        "with the data's names, one a line, in the order of the teacher's outputs. If other "
        "teachers know the rest, combine them by 'unite_classes', the combine.name of the stage.",
        "classes",
        "FILE",
    )


def _said(place):
    return f"classes of {place}" if place else "classes, as they were given,"
