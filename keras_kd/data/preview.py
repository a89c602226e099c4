"""A sheet of what teacher and student see at the first step: look before you train."""

import os

import numpy as np

from keras_kd.data.fixed import FixedViews
from keras_kd.data.pipeline import training_batches, understood
from keras_kd.data.sources import load_source

# Whatever the run's own share and step, the sheet shows the whole first batch.
_FIRST_GLOBAL_BATCH = {
    "start_step": 0,
    "num_steps": 1,
    "worker_index": 0,
    "num_workers": 1,
    "with_ids": True,
    "one_hot": False,
}

_MOSAIC = 3  # crops along each side, where a teacher's target is the mean over many


def preview(
    source, split, mode, resolution, path, *, batch_size=None, seed=0, num_images=8, **options
):
    """Draws originals, teacher's views and student's views of step 0 of the real pipeline.

    Args:
        source: a `Source`, or a name for `load_source`.
        split: split expression.
        mode: teaching mode or views, as for `build_dataset`.
        resolution: side of the student's images in pixels.
        path: the PNG file to write; its folder must exist.
        batch_size: size of the global batch; `num_images` where None.
        seed: int.
        num_images: number of columns, at least 1 and at most the batch size.
        **options: those of `build_dataset` (flip, crop_area, teacher_resolution, ...).

    Returns:
        The path.

    Raises:
        ValueError: if an argument is unknown or out of its range.
        OSError: if the file cannot be written.
    """
    path = os.fspath(path)
    _check_writable(path)
    if isinstance(num_images, bool) or not hasattr(num_images, "__index__") or num_images < 1:
        raise ValueError(f"num_images must be at least 1. Received: num_images={num_images!r}")
    source = load_source(source)
    examples = source.split(split)
    if batch_size is None:
        batch_size = max(min(num_images, examples.num_examples), 2)
    columns = min(num_images, batch_size)
    x, weight = first_batch(source, split, mode, batch_size, resolution, seed, columns, **options)
    _draw(source, examples, x, columns, mode, weight, path)
    return path


def first_batch(source, split, mode, batch_size, resolution, seed, columns, **options):
    """What teacher and student see at step 0, out of the real pipeline.

    Args:
        source: `Source`.
        split, mode, batch_size, resolution, seed: as for `build_dataset`.
        columns: number of rows wanted of a teacher whose targets are computed once.
        **options: the remaining options of `build_dataset`.

    Returns:
        (x, weight): the batch's dict, with `id`, and the mixing coefficient or None. Of a teacher
        whose target is a mean over crops, the first nine stand for all.
    """
    options |= _FIRST_GLOBAL_BATCH
    views, share = understood(mode, batch_size, resolution, seed, **options)
    x, _ = next(training_batches(source, split, views, share).as_numpy_iterator())
    if views.fixed is not None:
        rows = positions(source.split(split), x["id"][:columns])
        side = share.teacher_resolution or resolution
        seen = FixedViews(source, split, views, side, seed=seed)
        x = x | {"teacher": _mosaics(seen, rows)}
    if not views.mixes:
        return x, None
    return x, float(views.mix.share(views.draw_mix(seed, 0)))


def positions(examples, ids):
    """Where in a split the examples with these ids stand."""
    return np.array([np.flatnonzero(examples.ids == one)[0] for one in ids])


def _mosaics(seen, rows):
    """The teacher's view of each example, or a mosaic of its first views."""
    if seen.crops == 1:
        return seen.at(rows).numpy()
    tiles = seen.at(np.repeat(rows, _MOSAIC**2), np.tile(np.arange(_MOSAIC**2), len(rows))).numpy()
    # [rows, down, across, side, side, C] -> [rows, down * side, across * side, C]
    side = seen.resolution
    tiles = tiles.reshape(len(rows), _MOSAIC, _MOSAIC, side, side, -1)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(len(rows), _MOSAIC * side, _MOSAIC * side, -1)


def _check_writable(path):
    folder = os.path.dirname(os.path.abspath(path))
    if not path.lower().endswith(".png"):
        raise ValueError(f"The preview is a PNG file. Received: path={path!r}. End it in .png.")
    problem = None
    if not os.path.isdir(folder):
        problem = f"the folder {folder} does not exist"
    elif os.path.isdir(path):
        problem = "it is a folder"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        problem = "it is not writable"
    if problem:
        raise OSError(f"Cannot write the preview: {problem}. Received: path={path!r}")


def originals_of(examples, rows):
    """Whole images, uint8, at these positions."""
    boxes = np.concatenate([np.zeros_like(examples.sizes[rows]), examples.sizes[rows]], axis=1)
    return examples.crops(rows, boxes)


def _draw(source, examples, x, columns, mode, weight, path):
    # The object interface of matplotlib: no global figure, no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = positions(examples, x["id"])
    originals = originals_of(examples, rows[:columns])
    names = [*source.class_names, "no label"]  # which is -1
    names = [names[examples.labels[row]] for row in rows]
    student = x.get("student", x.get("image"))
    grid = {"original": originals, "teacher": x.get("teacher", student), "student": student}
    figure = Figure(figsize=(1.6 * columns + 1.0, 5.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(grid), columns, squeeze=False)
    for line, (label, images) in zip(axes, grid.items()):
        line[0].set_ylabel(label)
        for axis, image in zip(line, images):
            show(axis, image)
    for column in range(columns):
        axes[0, column].set_title(_title(names, column, weight), fontsize=8)
    share = "" if weight is None else f", mixing coefficient {weight:.2f}"
    figure.suptitle(f"{source.name}: {mode}{share}", fontsize=10, wrap=True)
    figure.savefig(path, format="png")


def show(axis, image):
    """Draws an image, uint8 or in [-1, 1], grey or in colours, on a matplotlib axis."""
    image = image if image.dtype == np.uint8 else np.clip((image + 1) / 2, 0, 1)
    grey = {"cmap": "gray", "vmin": 0, "vmax": 255 if image.dtype == np.uint8 else 1}
    axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, **grey)
    axis.set_xticks([])
    axis.set_yticks([])


def _title(names, column, weight):
    """Class name; under mixup those of image and partner, each with its share."""
    if weight is None:
        return names[column][:24]
    return f"{weight:.2f} {names[column][:18]}\n+ {1 - weight:.2f} {names[column - 1][:18]}"
