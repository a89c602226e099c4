"""What a loaded teacher says to a few labelled images."""

import time

import numpy as np

from keras_kd.config.chain import side_of
from keras_kd.data import evaluation_dataset
from keras_kd.data.sampled import SampledSource
from keras_kd.evaluation import teacher_answers
from keras_kd.run import networks
from keras_kd.teachers import kinds
from keras_kd.teachers.ensemble import Ensemble
from keras_kd.utils import handles

MOST = 1000  # images that a teacher is shown
EACH = 10  # of each class: fewer do not tell the order of many classes
LEAST = 100  # however slow it is
SECONDS = 60.0  # that it may take, about
BATCH = 50


class Shown:
    """A teacher of a run, and the labelled images that it is shown.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        teacher: `keras_kd.config.chain.TeacherConfig` of one with a handle.

    Attributes:
        seconds: what the last look took.
    """

    def __init__(self, experiment, teacher):
        self.experiment, self.teacher = experiment, teacher
        self.split = experiment.config.data.eval_split
        self.seconds = 0.0
        most = max(MOST, EACH * experiment.source.num_classes)
        self._source = SampledSource(experiment.source, self.split, most, seed=0)
        self._labels = self._source.split(self.split).labels.astype(np.int64)

    def __len__(self):
        return len(self._labels)

    @property
    def section(self):
        """What the config says of the teacher; nothing of a handle without a section."""
        return self.experiment.config[self.teacher.network] if self.teacher.network else {}

    @property
    def assumed(self):
        """Whether nothing told which pixel values the teacher expects."""
        model = self.load()
        members = model.members().values() if isinstance(model, Ensemble) else [model]
        return any(kind.assumes(one) for kind, one in zip(self._kinds, members, strict=True))

    def fine_tune(self, member=0):
        """How the teacher, or a member from 1 on, would learn other classes, see `Kind`."""
        return self._kinds[max(0, member - 1)].fine_tune

    @property
    def _kinds(self):
        """The kind of each member."""
        return [kinds.get(name)[0] for name, _ in handles.members(self.teacher.handle)]

    def load(self, **changes):
        """The teacher, with other values of keys of its section that say how it is read."""
        config, network = self.experiment.config, self.teacher.network
        read = {**networks.reading_of(config, self.teacher), **changes}
        read = {key: value for key, value in read.items() if value}
        # Only the reading that teaches is kept.
        load = self.experiment.load_anew if changes else self.experiment.load
        with networks.asked_on_the_command_line(network):
            return load(self.teacher.handle, side_of(config, network), **read)

    def look(self, **changes):
        """Shows the teacher the images, as many as it manages in a minute.

        Args:
            **changes: as for `load`.

        Returns:
            (labels int `[N]`, list of (name, answers int `[N]`)): those of the teacher, without a
            name, and then of an ensemble those of each member.
        """
        model, settings = self.load(**changes), self.experiment.config.data
        images = evaluation_dataset(
            self._source,
            self.split,
            BATCH,
            side_of(self.experiment.config, self.teacher.network),
            full_image=settings.eval_full_image,
            scale=settings.eval_scale,
            resize=settings.eval_resize,
        )
        began = time.monotonic()
        said = zip(*teacher_answers(model, _in_time(images, began)))
        members = model.members() if isinstance(model, Ensemble) else {}
        names = list(members)
        answers = [
            (name, np.concatenate(logits).argmax(axis=-1))
            for name, logits in zip(["", *names], said)
        ]
        self.seconds = time.monotonic() - began
        return self._labels[: len(answers[0][1])], answers


def _in_time(batches, began):
    """The first batches, which are a sample of all, until the time is over."""
    for number, batch in enumerate(batches):
        if number * BATCH >= LEAST and time.monotonic() - began > SECONDS:
            return
        yield batch
