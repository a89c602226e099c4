"""Which images a student learns from, and whose classes it learns.

Usually both are one data set. Function matching looks at no label, so the images may also be of
another one: `data.source` names the images, `data.eval_source` the data set that the teacher knows,
on which the student is evaluated.

Paper: Beyer et al. 2021, arXiv 2106.05237, figure 6.
"""

from keras_kd import data


def load_classes(config, index_dir=None):
    """The data source whose classes teacher and student know; most often the only one.

    Args:
        config: ConfigDict of a run.
        index_dir: folder that saves a restart the scan of its files, or None.

    Returns:
        a `keras_kd.data.Source`.

    Raises:
        ValueError, FileNotFoundError, RuntimeError: see `keras_kd.data.load_source`.
    """
    return _load(config, config.data.eval_source or config.data.source, index_dir)


def load_images(config, classes):
    """The data source whose images the student learns from.

    Args:
        config: ConfigDict of a run.
        classes: what `load_classes` gave.

    Returns:
        `classes`, or another `keras_kd.data.Source`.

    Raises:
        ValueError: images of other channels than the teacher's, or see `load_classes`.
    """
    if not config.data.eval_source:
        return classes
    images = _load(config, config.data.source, classes.index_dir)
    check_channels(images, classes)
    return images


def check_channels(images, classes):
    """Refuses images of other channels than those of the teacher's data set."""
    if images.channels != classes.channels:
        raise ValueError(
            "config.data.source must have images of as many channels as config.data.eval_source. "
            f"Received: {images.channels} in {images.name}, {classes.channels} in {classes.name}. "
            "Choose two of one kind, both grey or both in colour."
        )


def _load(config, name, index_dir):
    return data.load_source(
        name,
        data_dir=config.data.data_dir or None,
        allow_bad=config.data.allow_bad,
        index_dir=index_dir,
    )
