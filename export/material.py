"""What a finished run can give to its exports, each thing made on first use."""

import functools

import numpy as np

from keras_kd.data.sampled import SampledSource
from keras_kd.export.measure import keras_logits
from keras_kd.export.options import Options
from keras_kd.run import Finished
from keras_kd.run.made import load as load_made
from keras_kd.run.streams import sides_of


class Material:
    """A finished run as the formats see it: what one of them names in `needs` is found here.

    Args:
        workdir: path of the run's working directory.
        options: `keras_kd.export.options.Options`; default: those of the run's config.
    """

    def __init__(self, workdir, options=None):
        self.run = Finished(workdir)
        self.config = self.run.config
        self._options = options

    @functools.cached_property
    def student(self):
        """The Keras student."""
        return self.run.load_student()

    @property
    def source(self):
        """The data set whose classes the student knows."""
        return self.run.source

    @functools.cached_property
    def test_images(self):
        """(images, labels) in order, prepared as the run's evaluation prepares them."""
        return self.run.evaluation_images()

    @functools.cached_property
    def answers(self):
        """The Keras student's logits `[N, K]` on the test images, and labels `[N]` or None."""
        return keras_logits(self.student, self.test_images)

    @functools.cached_property
    def class_names(self):
        """Names in the order of the logits; None where the data set's are not the student's."""
        names = list(self.source.class_names)
        return names if len(names) == self.answers[0].shape[-1] else None

    @functools.cached_property
    def training_images(self):
        """The data set whose images the student learned from, most often `source` itself."""
        return self.run.training_source

    @property
    def calibration_images(self):
        """`export.calibration_images` images that the student learned from, in batches."""
        count = self.config.export.calibration_images
        if (made := load_made(self.run.path)) is not None:
            return (made[i : i + 1] for i in range(min(count, len(made))))
        sample = SampledSource(self.training_images, self.config.data.train_split, count)
        images = self.run.evaluation_images(sample, self.config.data.train_split)
        return (np.asarray(batch) for batch, _ in images)

    @property
    def split(self):
        return self.config.data.eval_split

    @property
    def resolution(self):
        """Side of the student's images, px."""
        return sides_of(self.config, self.run.last).student

    @property
    def full_image(self):
        """Whether the evaluation shows the whole image instead of its central square."""
        return self.config.data.eval_full_image

    @property
    def scale(self):
        """Resized short side over the side of the central square."""
        return self.config.data.eval_scale

    @property
    def resize(self):
        """Kernel by which the evaluation resizes, see `keras_kd.data.resize`."""
        return self.config.data.eval_resize

    @property
    def exif(self):
        """Whether images are turned upright: "apply" or "ignore"."""
        return self.config.data.exif

    @property
    def view(self):
        """Text of the ops that make the student's modality, see `keras_kd.data.modality`."""
        return self.config.data.student_view

    @property
    def run_name(self):
        return self.config.name

    @property
    def options(self):
        """The choices that hold for all files."""
        return self._options or Options.of(self.config.export)

    def for_format(self, kind):
        """dict of what a format needs, by name."""
        return {name: getattr(self, name) for name in kind.needs}
