"""Which images a student learns from, and whose classes it learns.

Usually both are one data set. Function matching looks at no label, so the images may also be of
another one: `data.source` names the images, `data.eval_source` the data set that the teacher knows,
on which the student is evaluated. For the same reason few labels are enough: those who learn from
labels see the images that have one, and those who follow a teacher see all, and no label.

Paper: Beyer et al. 2021, arXiv 2106.05237, figure 6.
"""

from typing import NamedTuple

import numpy as np

from keras_kd import data
from keras_kd.config.chain import stages_of
from keras_kd.config.made_images import makes_images
from keras_kd.config.training import uses_unlabelled
from keras_kd.data.chosen_classes import ChosenClasses, class_indices
from keras_kd.data.few_labels import FewLabels, PartlyLabelled
from keras_kd.data.ids_only import IdsOnly
from keras_kd.data.paired import Paired
from keras_kd.data.splits import resolve_split
from keras_kd.data.unlabelled import Joined, Unlabelled


class Pool(NamedTuple):
    """The images that a stage learns from.

    Attributes:
        source: `keras_kd.data.Source`.
        split: split expression of it.
        labelled: whether its labels are those of the run's classes, and may be seen.
    """

    source: data.Source
    split: str
    labelled: bool

    @property
    def examples(self):
        """Its `keras_kd.data.Examples`."""
        return self.source.split(self.split)

    @property
    def num_examples(self):
        """Their number."""
        return self.examples.num_examples

    @property
    def has_images(self):
        """Whether there are images, and not only ids of those that a network makes."""
        return self.examples.store is not None


class Pools(NamedTuple):
    """What the stages of a run learn from; mostly one `Pool` for all.

    Attributes:
        labels: the `Pool` of stages that learn from labels alone.
        teachers: that of stages which follow a teacher.
        both: that of stages without one whose methods use images with and without labels.
        unseen: that of stages whose images a network makes: the ids of `teachers`.
        some: dict from the name of a stage that sees some of the classes to its own.
    """

    labels: Pool
    teachers: Pool
    both: Pool
    unseen: Pool
    some: dict

    def of(self, stage):
        """The `Pool` of a stage, a `keras_kd.config.chain.StageConfig`."""
        return self.some.get(stage.name) or self.of_all_classes(stage)

    def of_all_classes(self, stage):
        """What a stage would learn from if it saw all classes."""
        if makes_images(stage.settings):
            return self.unseen
        if stage.teachers:
            return self.teachers
        return self.both if uses_unlabelled(stage.settings) else self.labels


def make_pools(config, classes, unlabelled=None):
    """The `Pools` of a run.

    Args:
        config: ConfigDict of a run.
        classes: what `load_classes` gave.
        unlabelled: what `load_unlabelled` gave, or None.

    Raises:
        ValueError: see `load_images` and `keras_kd.data.unlabelled.Joined`.
    """
    settings = config.data
    images = load_images(config, classes)
    _check_split(config, "train_split", images)
    _check_split(config, "eval_split", classes)
    if unlabelled is not None:
        _check_split(config, "unlabelled_split", unlabelled)
    every = Pool(images, settings.train_split, images is classes)
    labels = teachers = every
    if settings.labels_per_class:
        kept = FewLabels(images, settings.labels_per_class, config.seed)
        labels = every._replace(source=kept)
        teachers = every._replace(source=Unlabelled(images), labelled=False)
    if unlabelled is not None:
        evaluated = classes.split(settings.eval_split)
        joined = Joined(images, unlabelled, settings.unlabelled_split, evaluated)
        teachers = every._replace(source=joined, labelled=False)
    both = labels
    if teachers is not labels:
        both = every._replace(source=PartlyLabelled(teachers.source, labels.source))
    ids = IdsOnly.instead_of(teachers.source, settings.resolution)
    pools = Pools(labels, teachers, both, every._replace(source=ids, labelled=False), {})
    for stage in stages_of(config):
        if chosen := classes_of(stage, images):
            pool = pools.of_all_classes(stage)
            pools.some[stage.name] = pool._replace(source=ChosenClasses(pool.source, chosen))
    return pools


def classes_of(stage, source):
    """Indices of the classes whose images a stage sees, a list; empty: it sees all.

    Args:
        stage: `keras_kd.config.chain.StageConfig`.
        source: a source of the run's classes.

    Raises:
        ValueError: see `keras_kd.data.chosen_classes.class_indices`.
    """
    names = source.class_names if len(stage.settings.classes) else ()
    return class_indices(stage.settings.classes, names, f"config.{stage.path}.classes")


def describe(config, pools, evaluated):
    """What is to be told of the images beside their number: who has labels, who lies on its side.

    Args:
        config: ConfigDict of a run.
        pools: its `Pools`.
        evaluated: `keras_kd.data.Examples` that models are evaluated on.

    Yields:
        str, lines.
    """
    seen = (pools.teachers.examples, evaluated)
    total = sum(one.num_examples for one in seen)
    if lying := sum(one.num_lying for one in seen):
        what = {
            "apply": "are turned upright; the exported serve_bytes turns JPEGs alone",
            "ignore": "are taken as they are stored; config.data.exif=apply turns them upright",
        }[config.data.exif]
        yield f"EXIF orientation: {lying:,} of {total:,} images lie or are mirrored, and {what}"
    if rescued := sum(one.num_rescued for one in seen):
        yield f"{rescued:,} of {total:,} images are read by Pillow, of formats TensorFlow mistakes"
    if few := config.data.labels_per_class:
        labels = pools.labels.examples.labels
        least = np.bincount(labels, minlength=pools.labels.source.num_classes).min()
        lack = f", though some class has only {least}" if least < few else ""
        yield f"labels: {len(labels):,} images keep theirs, {few} of each class{lack}"
    if config.data.unlabelled:
        joined = pools.teachers.source
        yield f"unlabelled images: {joined.describe(pools.teachers.split)}"


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
    source = _load(config, config.data.eval_source or config.data.source, index_dir)
    if not config.data.student_source:
        return source
    # Of its files labels do not count: they are those of the pairs.
    other = _load(config, config.data.student_source, index_dir, data.load_unlabelled)
    return Paired(source, other, config.data.allow_bad)


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


def _check_split(config, key, source):
    """Refuses a split that a source has not, by the key that asks for it."""
    try:
        resolve_split(config.data[key], source.counts)
    except ValueError as error:
        raise ValueError(f"config.data.{key}: {error} Set config.data.{key}.") from error


def load_unlabelled(config, index_dir=None):
    """The data source of further images to distil on, or None where the config names none.

    Args:
        config: ConfigDict of a run.
        index_dir: as for `load_classes`.

    Raises:
        ValueError, FileNotFoundError, RuntimeError: see `keras_kd.data.load_unlabelled`.
    """
    name = config.data.unlabelled
    return _load(config, name, index_dir, data.load_unlabelled) if name else None


def check_channels(images, classes):
    """Refuses images of other channels than those of the teacher's data set."""
    if images.channels != classes.channels:
        raise ValueError(
            "config.data.source must have images of as many channels as config.data.eval_source. "
            f"Received: {images.channels} in {images.name}, {classes.channels} in {classes.name}. "
            "Choose two of one kind, both grey or both in colour."
        )


def _load(config, name, index_dir, load=data.load_source):
    return load(
        name,
        data_dir=config.data.data_dir or None,
        allow_bad=config.data.allow_bad,
        index_dir=index_dir,
        exif=config.data.exif,
    )
