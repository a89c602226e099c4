"""One run as an object: each part of it is built on first use, from the config alone."""

import contextlib
import functools
from pathlib import Path

import tensorflow as tf

from keras_kd import teachers
from keras_kd.config import absolute, check
from keras_kd.config.chain import followed, needed_by, side_of, stages_of
from keras_kd.config.combining import combination_of, lets_teachers_lack
from keras_kd.distribution import strategies
from keras_kd.models.value_range import OURS
from keras_kd.run import class_groups, made, networks, sources, targets
from keras_kd.run.latencies import Latencies
from keras_kd.run.streams import Streams, check_batch_size, sides_of
from keras_kd.run.workdir import Workdir
from keras_kd.teachers.ensemble import recombined
from keras_kd.teachers.load import assemble
from keras_kd.training import prolonging
from keras_kd.training.stage import Saving, Stage, make_model
from keras_kd.utils.locks import exclusive

FEW = 16  # images for networks that only stand in


def prepare(config):
    """What every start on a config begins with, before any op is made: the config, checked.

    Args:
        config: ConfigDict of a run.

    Returns:
        a copy with absolute paths, see `keras_kd.config.absolute`.

    Raises:
        ValueError: an impossible config.
    """
    check(config)
    if config.deterministic:
        # A CPU gives equal bits without it; a GPU's sums need it.
        tf.config.experimental.enable_op_determinism()
    return absolute(config)


class Experiment:
    """A run: its data, networks and stages.

    Args:
        config: ConfigDict, see `keras_kd.config.base`.
        workdir: path of the working directory, made when it is first used; None for what needs
            none, such as a dry run.
        strategy: a `tf.distribute.Strategy`; default: the one in whose scope this is called.
        data_service: address `grpc://host:port` of a tf.data service that makes the training
            batches; empty: this process makes them.

    Attributes:
        config: the config, checked, with absolute paths.
        path: `pathlib.Path` of the working directory, or None.
        strategy: the strategy.
        stages: list of `keras_kd.config.chain.StageConfig`, those that the run trains, in order.
        last: the last of them, whose network is the run's student.
        networks: dict from a stage's name to the network that it has trained.
        beside: dict from a stage's name to what was trained beside that network and does not
            leave, such as peers: dict of name to Keras model that gives logits.
        methods: dict from a stage's name to the methods that it was trained by.

    Raises:
        ValueError: an impossible config, or a batch that does not divide over the replicas.
    """

    def __init__(self, config, workdir=None, strategy=None, data_service=""):
        self.config = self._prepared(config)
        self.path = None if workdir is None else Path(workdir)
        self.strategy = strategy or tf.distribute.get_strategy()
        check_batch_size(self.config, self.strategy)  # on every worker, with the same words
        self.data_service = data_service
        self.stages = stages_of(self.config)
        self.last = self.stages[-1]
        self.networks = {}
        self.beside = {}
        self.methods = {}
        self._loaded = {}  # handle, side and how it is read -> teacher
        self._untrained = {}  # stage -> network that learns from labels

    def _prepared(self, config):
        return prepare(config)

    @property
    def writes(self):
        """Whether this process writes the run's files: only the chief of a cluster does."""
        return strategies.is_chief(self.strategy)

    @functools.cached_property
    def workdir(self):
        """The run's `Workdir`, or None without one."""
        return None if self.path is None else Workdir(self.path, self.config, self.writes)

    @functools.cached_property
    def source(self):
        """The `keras_kd.data.Source` whose classes the run is about."""
        with strategies.chief_first(self.strategy):
            return sources.load_classes(self.config, self._index)

    @property
    def _index(self):
        """Folder of the scans: a restart reads what stands there, and so do the other workers."""
        return None if self.path is None else str(self.path / "index")

    @functools.cached_property
    def unlabelled(self):
        """The `keras_kd.data.Source` of further images to distil on, or None."""
        return sources.load_unlabelled(self.config, self._index)

    @functools.cached_property
    def streams(self):
        """The `Streams` of the run's data."""
        source, more = self.source, self.unlabelled
        with strategies.chief_first(self.strategy):
            return Streams(self.config, source, self.strategy, self.data_service, more)

    def lengths_of(self, stage):
        """The `keras_kd.training.lengths.Lengths` of a stage."""
        return self.streams.lengths_of(stage)

    @functools.cached_property
    def class_names(self):
        """Names of the classes that the run is about, in order."""
        return self.source.class_names

    @functools.cached_property
    def channels(self):
        """Channels of the run's images."""
        return self.source.channels

    def learner(self, stage, teacher=None, precision=None, learned=None):
        """A network as it is before a stage, and new objects of the stage's methods.

        Args:
            stage: one of `stages`.
            teacher: Keras model that the stage follows, or None.
            precision: dtype policy; default: the config's.
            learned: dict from a stage's name to its network; default: `networks`.

        Returns:
            (a functional Keras model that gives logits, list of `keras_kd.methods.Method`).
        """
        network, methods = self._learner(stage, teacher, precision, learned)
        if stage is self.last:
            class_groups.check_student(self, network)
        return network, methods

    def _learner(self, stage, teacher, precision, learned):
        arguments = self.config, stage, self.source, self.lengths_of(stage)
        wrapped = functools.partial(self._wrapped, stage, stage.made_of, learned)
        if stage.settings.methods or precision or stage.made_of:
            # Anew each time: the first weights of a method follow those of its student, and those
            # of a student the network that it is made of.
            return networks.build_learner(*arguments, teacher, precision, wrapped)
        if stage.name not in self._untrained:
            self._untrained[stage.name], _ = networks.build_learner(*arguments)
        return self._untrained[stage.name], []

    def further_learners(self, stage, learned=None):
        """The networks that learn beside a stage's own, as they are before it: dict by name.

        Args:
            stage: one of `stages`.
            learned: as for `learner`.
        """
        wrapped = {
            name: functools.partial(self._wrapped, stage, other, learned)
            for name, other in stage.further_made_of.items()
        }
        return networks.build_further(self.config, stage, self.source, wrapped)

    def _wrapped(self, stage, other, learned):
        """What a network of a stage is made of, where a wrapper makes it of another.

        Args:
            stage: one of `stages`.
            other: the `TeacherConfig` of the other.
            learned: dict from a stage's name to its network, or None.

        Returns:
            (a Keras model, dict of arguments of `keras_kd.models.wrap_network`: training images as
            its student sees them, and times that are measured once).
        """
        # What a handle leads to keeps its own size; the wrapper makes the network for the student.
        side = side_of(self.config, other.network) if other.network else None
        # Of the last stage of this network, so that those on labels alone begin as it does.
        alike = [one for one in self.stages if one.network == stage.network][-1]

        def images_of(count):
            # Stand-ins have learned nothing: a few images show that they can be wrapped.
            return self.streams.first_images(alike, count if learned is None else min(FEW, count))

        return self._other(other, side, learned), {
            "images_of": images_of,
            "latency_of": self._latencies,
        }

    @functools.cached_property
    def _latencies(self):
        path = None if self.path is None else self.path / "latencies.json"
        return Latencies(path, self.strategy)

    def _other(self, one, side, learned):
        """The network of a `TeacherConfig`, arguments as of `load` and `teacher`."""
        if one.stage:
            known = self.networks if learned is None else learned
            return known.get(one.learned) or self.learned(one.learned, one.network)
        if not one.handle:
            return networks.build(self.config, one.network, self.source)
        reading = networks.reading_of(self.config, one)
        with networks.asked_on_the_command_line(one.network):
            return self.load(one.handle, side, **reading)

    def load(self, handle, side, **reading):
        """The frozen teacher behind a handle, for images of `side` px; loaded once.

        Args:
            handle: as `keras_kd.teachers.load` takes it.
            side: of the images, px; None: the one that the teacher has been made for.
            **reading: what `keras_kd.run.networks.reading` gave.
        """
        reading = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in sorted(reading.items())
        }
        key = handle, side, *reading.items()
        if key not in self._loaded:
            self._loaded[key] = self.load_anew(handle, side, **reading)
        return self._loaded[key]

    def load_anew(self, handle, side, **reading):
        """As `load`, for a teacher that is looked at and let go."""
        return self._load(handle, side and (side, side, self.channels), reading)

    def _load(self, handle, shape, reading):
        return teachers.load(handle, self.class_names, shape, **reading)

    def teacher(self, stage, learned=None):
        """Whom a stage follows, as one Keras model; None where it learns from labels alone.

        Args:
            stage: one of `stages`.
            learned: dict from a stage's name to its network; default: `networks`.
        """
        side = sides_of(self.config, stage).teacher

        def make(teacher, shape):
            return self._other(teacher, shape[0], learned)

        own = [side_of(self.config, teacher.network) for teacher in stage.teachers]
        shape = (side, side, self.channels)
        combination = combination_of(stage.settings)
        if not own:
            return None
        if len(own) == 1:
            some = lets_teachers_lack(stage)
            return recombined(make(stage.teachers[0], shape), some_classes=some, **combination)
        members = [
            (teacher, None if one == side else one) for teacher, one in zip(stage.teachers, own)
        ]
        return assemble(members, shape, make, **combination)

    def compiled_teacher(self, stage, teacher):
        """A stage's teacher as it runs beside its student; the choice of its engine is recorded."""
        record = None
        if self.path is not None and self.writes:
            own = "" if stage is self.last else f"{stage.name}_"
            record = self.path / f"{own}teacher_engine.json"
        return networks.compile_teacher(self.config, stage, self.source, teacher, record)

    def assemble(self, stage, teacher=None, learner=None, compiled=None, stored=None):
        """A stage with its model compiled, ready to train.

        Args:
            stage: one of `stages`.
            teacher: Keras model that it follows, or None.
            learner: what `learner` gave; default: a new one.
            compiled: the teacher as it runs; default: what `compiled_teacher` gives.
            stored: targets that were computed before; None: the teacher runs live.

        Returns:
            a `keras_kd.training.stage.Stage`.
        """
        network, methods = learner or self.learner(stage, teacher)
        if teacher is not None and compiled is None:
            compiled = self.compiled_teacher(stage, teacher)
        further = self.further_learners(stage)
        streams, checkpoint = self.streams, self.config.checkpoint
        data = streams.of(stage) if stored is None else streams.with_targets(stage, stored)
        keep_at = tuple(checkpoint.keep_at) if stage is self.last else ()
        return Stage(
            stage.name,
            stage.settings,
            make_model(
                stage.name,
                stage.settings,
                network,
                compiled,
                methods,
                self.config.seed,
                further,
                sources.classes_of(stage, self.source),
            ),
            data,
            self.lengths_of(stage),
            self.workdir,
            Saving(checkpoint.every, checkpoint.keep, keep_at),
            self.config.xla,
        )

    def has_its_teachers(self, stage):
        """Whether all whom a stage follows have learned."""
        return all(one.learned in self.networks for one in stage.teachers if one.stage)

    def accept_longer(self):
        """Lets stages go on whose totals were raised, see `keras_kd.training.pieces`."""
        prolonging.accept(self.stages, self.workdir, self.lengths_of)

    def train(self, stage):
        """Trains a stage to its end, from where it stopped; its network then is in `networks`."""
        taught_by = {one.learned for one in followed(self.config, stage.name)}
        # keras-kd-teach may train the same one, in any number of processes: the others find it
        # done.
        with exclusive(self.path) if taught_by and self.writes else contextlib.nullcontext():
            teacher = self.teacher(stage)
            learner = self.learner(stage, teacher)
            compiled = stored = None
            if teacher is not None:
                compiled = self.compiled_teacher(stage, teacher)
                stored = targets.get_targets(self, stage, teacher, compiled)
            assembled = self.assemble(stage, teacher, learner, compiled, stored)
            assembled.train()
            if stage is self.last and self.writes:  # what leaves has seen these and no others
                made.save(self.path, assembled.kd.made_images(made.COUNT))
            self.beside[stage.name] = assembled.kd.beside_student()
            self.methods[stage.name] = assembled.kd.methods
            learned = {**assembled.kd.learners, stage.name: learner[0]}
            for name in (stage.name, *stage.learners):
                self.networks[name] = learned[name]
                if name in taught_by:
                    learned[name].trainable = False
                    if self.writes:
                        networks.save(learned[name], self.path / f"{name}.keras")

    def train_teachers(self, stage):
        """Lets those learn whom a stage follows: trained before, or trained now."""
        for earlier in needed_by(self.config, stage):
            wanted = {
                one.learned: one.network
                for one in followed(self.config, earlier.name)
                if one.learned not in self.networks
            }
            there = all((self.path / f"{name}.keras").exists() for name in wanted)
            if wanted and (self.workdir.result(earlier.name) is None or not there):
                self.train(earlier)
                continue
            for name, network in wanted.items():
                self.networks[name] = self.learned(name, network)

    def learned(self, name, network):
        """What a stage has trained, from its file, to teach.

        Args:
            name: what a `TeacherConfig` calls `learned`.
            network: name of its network's section.
        """
        side = side_of(self.config, network)
        return self.load(str(self.path / f"{name}.keras"), side, input_range=OURS)
