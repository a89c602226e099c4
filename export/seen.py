"""What teacher and student see in training: a sheet of the first batch's first images."""

from keras_kd.config.views import seen_in
from keras_kd.data.preview import first_batch, originals_of, positions
from keras_kd.export.facts import section
from keras_kd.export.pictures import data_url
from keras_kd.run import Finished
from keras_kd.run.streams import sides_of
from keras_kd.utils import words

COLUMNS = 6


def seen(workdir, config):
    """Originals and both views of the first images of the stage that trains the student.

    Args:
        workdir: path of the run's working directory.
        config: what its `config.json` holds, or {}.

    Returns:
        dict for the template `seen`: `rows`, a list of (title, pictures), and `note`, which says
        why there are none; None without a data set.
    """
    if not section(config, "data").get("source"):
        return None
    try:
        found = _first_images(Finished(workdir))
    except Exception as error:  # whatever ails the data, the report is worth more than its pictures
        why = " ".join(str(error).split())[:300]
        return {"rows": [], "note": f"The images cannot be shown: {why}"}
    return found


def _first_images(run):
    config, stage = run.config, run.last
    pool, sides = run.streams.pools.of(stage), sides_of(config, stage)
    if not pool.has_images:
        return None  # the images that a network makes have a section of their own
    x, weight = first_batch(
        pool.source,
        pool.split,
        seen_in(config, stage),
        config.batch_size,
        sides.student,
        config.seed,
        COLUMNS,
        teacher_resolution=sides.teacher,
        resize=config.data.resize,
    )
    places = positions(pool.examples, x["id"])
    student = x.get("student", x.get("image"))
    views = {"student": student[:COLUMNS]}
    if stage.teachers:
        views = {"teacher": x.get("teacher", student)[:COLUMNS], **views}
    originals = originals_of(pool.examples, places[:COLUMNS])
    originals = [one / 127.5 - 1.0 if one.dtype == "uint8" else one for one in originals]
    names = [*pool.source.class_names, "no label"]  # which is -1
    labels = [names[label] for label in pool.examples.labels[places]]
    captions = [_caption(labels, place, weight) for place in range(len(originals))]
    return {
        "rows": [("original", _pictures(originals, captions))]
        + [(f"{who} sees", _pictures(images)) for who, images in views.items()],
        "columns": len(originals),
        "note": _note(stage, views, weight),
    }


def _pictures(images, captions=None):
    captions = captions or [""] * len(images)
    return [(*data_url(image), caption) for image, caption in zip(images, captions)]


def _caption(labels, place, weight):
    """The class; where images are mixed, those of both and their shares."""
    if weight is None:
        return labels[place]
    own, other = words.percent(weight, 0), words.percent(1 - weight, 0)
    return f"{own} {labels[place]}, {other} {labels[place - 1]}"


def _note(stage, views, weight):
    text = f"The first images of the first batch of the stage {stage.name}, as it gets them."
    if weight is not None:
        text += " Each is mixed with the image before it."
    if "teacher" not in views:
        text += " It has no teacher."
    return text
