"""Where proposed students are built, measured as files, and tried for a while."""

import contextlib
import functools
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_kd import models
from keras_kd.config.chain import followed, needed_by, stages_of
from keras_kd.data.held_out import HELD_OUT, LEARNED_FROM, HeldOut
from keras_kd.models.lite_speed import LiteRun, lite_content
from keras_kd.models.value_range import OURS
from keras_kd.run import targets
from keras_kd.run.door import check_teachers
from keras_kd.run.experiment import Experiment
from keras_kd.run.search.spaces import Given
from keras_kd.run.streams import sides_of
from keras_kd.teachers.cache.fingerprint import of_teacher
from keras_kd.teachers.cache.store import Layout, TeacherCache
from keras_kd.teachers.cache.writer import fill
from keras_kd.utils.bars import progress_bar
from keras_kd.utils.files import read_json, write_atomically, write_json
from keras_kd.utils.locks import exclusive
from keras_kd.utils.stopwatch import quiet_seconds, timed_beside

LOOKS = 5  # evaluations of a trial
CALIBRATION = 32  # images; the ranges of a student that has not learned mean little
REFERENCE = {"name": "resnet", "num_classes": 10, "input_shape": (32, 32, 3), "depth": 8}


class Measured(NamedTuple):
    """A student as a file.

    Attributes:
        bytes: of the file.
        ms: median milliseconds of an image, see `keras_kd.utils.stopwatch`.
        low: a quarter of the turns was faster.
        high: a quarter of the turns was slower.
    """

    bytes: int
    ms: float
    low: float
    high: float


class Proposed(Experiment):
    """An `Experiment` of one proposed student that leaves nothing in the folder of the search.

    Args:
        config: ConfigDict of its run.
        path: the folder.
        source: `keras_kd.data.Source` in place of the config's.
        loaded: dict of the teachers that are loaded already.
    """

    workdir = None

    def __init__(self, config, path, source, loaded):
        super().__init__(config, path)
        self.source = source
        self._loaded = loaded


@contextlib.contextmanager
def shaken(network):
    """Gives a network in the block weights that are all different, as if it had learned.

    A converter writes equal values once: the file of zeros and ones is smaller than it will be.

    Args:
        network: Keras model.
    """
    before = network.get_weights()
    rng = np.random.default_rng(0)
    noise = [rng.uniform(0.01, 0.1, w.shape) if w.dtype.kind == "f" else 0 for w in before]
    try:
        network.set_weights([w + np.asarray(n, w.dtype) for w, n in zip(before, noise)])
        yield
    finally:
        network.set_weights(before)


class Bench:
    """What all trials of a search share: data, teacher, targets, and the reference of all times.

    Args:
        config: ConfigDict of the run whose student is searched.
        folder: of the study.
        write: function that makes a TFLite file, as `keras_kd.export.to_tflite` does.
        length: of a trial, as a stage's `total`, or in percent of the config's.

    Raises:
        ValueError: a config that cannot be searched.
    """

    def __init__(self, config, folder, write, length="10 percent"):
        self.folder = Path(folder)
        self._main = Experiment(config, self.folder / "run")
        self._config, self._write = self._main.config, write
        self._check()
        last, lengths = self._main.last, self._main.lengths_of(self._main.last)
        self.resolution = self._config.data.resolution
        try:
            self._share = lengths.steps(length, lengths.total(last.settings))
        except ValueError as error:
            raise ValueError(f"--length: {error}") from error
        self._loaded = {}
        self._images = {}  # side -> some training images

    @property
    def student_name(self):
        """Name of the builder or wrapper of the config's student."""
        return self._config[self._main.last.network].model.name

    def _check(self):
        """Refuses what has no agreement with a teacher on images held out."""
        config, last = self._config, self._main.last
        for wrong, received, advice in (
            (not last.teachers, f"stage {last.name!r} without teachers",
             "Name some as its teachers: students are compared by their agreement with them"),
            (config.data.eval_source, f"config.data.eval_source={config.data.eval_source!r}",
             "Leave it empty: students are compared on images held out of config.data.source"),
            (config.budget.minutes, f"config.budget.minutes={config.budget.minutes:g}",
             "Set it to 0: a search chooses the student itself"),
        ):  # fmt: skip
            if wrong:
                raise ValueError(f"A search needs another config. Received: {received}. {advice}.")

    def prepare(self):
        """Trains teachers that are not trained yet, and computes what all trials learn from."""
        with exclusive(self._main.path):
            _ = self._main.workdir  # refuses the directory of another config
        check_teachers(self._main)
        self._main.train_teachers(self._main.last)
        self._base = self._searched()
        _ = self.reference, self.teacher  # at its quietest, and loaded once
        with exclusive(self._main.path):  # one process times the engines, the others follow
            self._compiled = self._main_compiled()
        if not targets.is_fixed(self._base, self._last(self._base)):
            self._fill()

    def _searched(self):
        """The config of all trials, whose teachers have learned and whose stages are one."""
        config = self._config.copy_and_resolve_references()
        last = self._main.last
        learned = {
            one.learned: str(self._main.path / f"{one.learned}.keras") for one in followed(config)
        }
        settings = stages_of(config)[-1].settings
        settings.teachers = tuple(learned.get(one.learned, one.name) for one in last.teachers)
        settings.warmup = "5 percent"
        config.stages = (last.name,)
        kwargs = config[last.network].model.kwargs
        if kwargs.get("of") in learned:
            kwargs.of = learned[kwargs.of]
        config.data.teacher_resolution = sides_of(self._config, last).teacher
        config.data.train_split, config.data.eval_split = LEARNED_FROM, HELD_OUT
        config.steps_per_execution = 1
        config.xla = "off"  # compiling takes longer than a trial
        config.checkpoint.keep_at = ()
        config.teacher_cache = config.fixed_targets = ""
        settings.total = f"{max(self._share, LOOKS)} steps"
        settings.interval = f"{max(self._share, LOOKS) // LOOKS} steps"
        return config

    @functools.cached_property
    def source(self):
        """The training images, some of them held out."""
        return HeldOut(self._main.source, self._config.data.train_split, seed=self._config.seed)

    @property
    def count(self):
        """Number of the images held out."""
        return self.source.counts[HELD_OUT]

    def _experiment(self, config):
        return Proposed(config, self._main.path, self.source, self._loaded)

    def _last(self, config):
        return self._experiment(config).last

    @functools.cached_property
    def teacher(self):
        """Whom students are to agree with, a Keras model."""
        experiment = self._experiment(self._base)
        return experiment.teacher(experiment.last)

    def _main_compiled(self):
        experiment = self._experiment(self._base)
        return experiment.compiled_teacher(experiment.last, self.teacher)

    def _fill(self):
        """Computes the targets of all steps of a trial, once for all trials and processes."""
        experiment = self._experiment(self._base)
        stage = experiment.last
        lengths = experiment.lengths_of(stage)
        layout = Layout(lengths.batch_size, self.source.num_classes, "float32")
        asked, seen = experiment.streams.asked(stage)
        path, total = self.folder / "targets", lengths.total(stage.settings)
        notes = {"engine": self._compiled.engine}
        cache = TeacherCache.create(path, {**seen, **of_teacher(self.teacher)}, layout, notes)
        shards = range(-(-total // layout.steps_per_shard))
        count = len(shards) * layout.steps_per_shard * lengths.batch_size
        with progress_bar("targets", count) as bar:
            answer = tf.function(targets.answering(self._base, stage, self._compiled))
            fill(cache, shards, asked, answer, bar.update)
        self._base.teacher_cache = str(path)

    @functools.cached_property
    def reference(self):
        """(run, seconds) of the network that all are timed beside, the same for all processes."""
        file, known = self.folder / "reference.tflite", self.folder / "reference.json"
        with exclusive(self.folder):
            if not known.exists():
                content = lite_content(models.build(**REFERENCE))
                write_atomically(file, lambda target: target.write(content))
                write_json(known, {"seconds": quiet_seconds(LiteRun(content))})
        return LiteRun(file.read_bytes()), read_json(known)["seconds"]

    def given(self, name):
        """What the space of a builder or wrapper may look at, a `Given`."""
        model = self._base[self._main.last.network].model
        kwargs = model.kwargs.to_dict() if model.name == name else {}
        return Given(kwargs, self._first_teacher)

    def _first_teacher(self):
        """What a wrapper makes a student of."""
        experiment = self._experiment(self._base)
        first = experiment.last.teachers[0]
        return experiment.load(first.handle, None) if first.handle else self.teacher

    def chosen(self, proposal):
        """The config of a run that trains a proposed student in full, by the teachers there are."""
        config = self._config.copy_and_resolve_references()
        for earlier in needed_by(config, self._main.last):
            if earlier.network != self._main.last.network:
                section = config[earlier.network]
                section.handle = str(self._main.path.absolute() / f"{earlier.name}.keras")
                section.init, section.normalization = "", ""
                section.input_range = OURS
        config.data.teacher_resolution = sides_of(self._config, self._main.last).teacher
        return self._with(config, proposal)

    def _with(self, config, proposal):
        section = config[self._main.last.network]
        section.model = {"name": proposal.name, "kwargs": proposal.kwargs}
        section.init = ""  # weights of another network
        config.data.resolution = proposal.side
        return config

    def run_of(self, proposal):
        """The `Proposed` run of a `keras_kd.run.search.proposals.Proposal`."""
        return self._experiment(self._with(self._base.copy_and_resolve_references(), proposal))

    def built(self, experiment):
        """A proposed student before it learns, and its methods."""
        return experiment.learner(experiment.last, self.teacher)

    def measure(self, experiment, student, format):
        """A student as a file: `Measured`.

        Args:
            experiment: what `run_of` gave.
            student: Keras model.
            format: name of a TFLite format.
        """
        images = self._calibration(experiment)
        with tempfile.TemporaryDirectory() as scratch, shaken(student):
            path = Path(scratch) / "student.tflite"
            self._write(
                student,
                path,
                format=format,
                representative=images,
                class_names=self.source.class_names,
            )
            content = path.read_bytes()
        found = timed_beside(LiteRun(content), *self.reference)
        return Measured(len(content), 1e3 * found.seconds, 1e3 * found.low, 1e3 * found.high)

    def _calibration(self, experiment):
        side = experiment.config.data.resolution
        if side not in self._images:
            images = experiment.streams.first_images(experiment.last, CALIBRATION)
            self._images[side] = images[:CALIBRATION]
        return self._images[side]

    def tried(self, experiment, learner):
        """Distils a student for a while.

        Args:
            experiment: what `run_of` gave.
            learner: what `built` gave.

        Yields:
            after each look, dict of what the evaluation on the images held out found:
            `agreement`, and `accuracy` where they have labels.
        """
        stage = experiment.last
        stored = targets.get_targets(experiment, stage, self.teacher, self._compiled)
        run = experiment.assemble(stage, self.teacher, learner, self._compiled, stored)
        ends = [run.total * look // LOOKS for look in range(1, LOOKS + 1)]
        step = 0
        for end in ends:
            while step < end:
                dataset, until = run.data.train(step, end)
                until = min(until, end)
                run.kd.fit(dataset, steps_per_epoch=until - step, shuffle=False, verbose=0)
                step = until
            yield run.kd.evaluate(run.data.evaluation, verbose=0, return_dict=True)
