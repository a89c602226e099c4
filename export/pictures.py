"""Images on which student and teacher disagree, and other facts read from their predictions."""

import base64
import io
from pathlib import Path

import numpy as np

from keras_kd.models.output import two_classes
from keras_kd.utils.archives import DAMAGE, read_archive

MOST_PICTURES = 24
SIDE = 192  # pixels of a picture in the page; smaller images stay as they are


def read_predictions(workdir):
    """Labels and logits over the evaluation split, as `predictions.npz` holds them.

    Returns:
        A dict with `label` int `[N]`, `student` float64 probabilities `[N, K]`, `teacher` the same
        or None, and `logits`, a dict of those that are not None; or None where the file is
        missing, damaged or does not fit together.
    """
    path = Path(workdir) / "predictions.npz"
    if not path.is_file():
        return None
    try:
        stored = read_archive(path)
    except (OSError, *DAMAGE):
        return None
    label, student, teacher = map(stored.get, ("label", "student_logits", "teacher_logits"))
    if label is None or student is None or len(label) != len(student) or not len(label):
        return None
    student, teacher = two_classes(student), None if teacher is None else two_classes(teacher)
    fits = teacher is not None and teacher.shape == student.shape
    return {
        "label": label.astype(int),
        "student": softmax(student),
        "teacher": softmax(teacher) if fits else None,
        "logits": {"student": student} | ({"teacher": teacher} if fits else {}),
    }


def softmax(logits):
    """Probabilities in float64."""
    logits = np.asarray(logits, np.float64)
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def disagreements(predictions, most=MOST_PICTURES):
    """Indices where the top classes differ, those first where both are surest, and how many."""
    student, teacher = predictions["student"], predictions["teacher"]
    indices = np.flatnonzero(student.argmax(-1) != teacher.argmax(-1))
    sure = student[indices].max(-1) * teacher[indices].max(-1)
    # Stable, so that the page is the same every time.
    return indices[np.argsort(-sure, kind="stable")][:most], len(indices)


def per_class(predictions, names):
    """Rows (name, images, teacher accuracy or None, student accuracy), hardest class first."""
    label, rows = predictions["label"], []
    for index in np.unique(label):
        own = label == index
        right = [
            None if predictions[who] is None else (predictions[who][own].argmax(-1) == index).mean()
            for who in ("teacher", "student")
        ]
        rows.append((class_name(names, index), int(own.sum()), *right))
    return sorted(rows, key=lambda row: row[3])


def class_name(names, index):
    """The name of a class, or its number where it has none."""
    return str(names[index]) if 0 <= index < len(names) else f"class {index}"


def fetch(workdir, indices, labels):
    """The evaluation images at `indices`, read again from the data set.

    Args:
        workdir: path of the run's working directory.
        indices: positions in the evaluation order.
        labels: the labels of the whole split as the run saw them, int `[N]`.

    Returns:
        (a dict index -> float32 `[H, W, C]` in [-1, 1], None), or ({}, why there are none).
    """
    wanted, found, start = set(map(int, indices)), {}, 0
    try:
        from keras_kd.export.material import Material

        for images, truth in Material(workdir).test_images:
            images, truth = np.asarray(images), np.asarray(truth)
            if not np.array_equal(truth, labels[start : start + len(truth)]):
                return {}, "the data set is no longer the one that was evaluated"
            for index in wanted.intersection(range(start, start + len(images))):
                found[index] = images[index - start]
            start += len(images)
            if len(found) == len(wanted):
                break
    except Exception as error:  # whatever ails the data, the report is worth more than its pictures
        return {}, " ".join(str(error).split())[:300]
    return found, None


def data_url(image):
    """An image `[H, W, C]` in [-1, 1] as a `data:` address, and whether it is small enough that
    its pixels should show."""
    from PIL import Image

    pixels = np.clip(np.round((np.asarray(image) + 1) * 127.5), 0, 255).astype(np.uint8)
    pixels = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0]
    picture = Image.fromarray(pixels)
    small = max(picture.size) <= 64
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    kind, options = ("PNG", {}) if small else ("JPEG", {"quality": 85})
    picture.save(buffer, kind, **options)
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{text}", small
