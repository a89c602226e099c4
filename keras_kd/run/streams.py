"""The data of a run: every stream that a stage trains on or is evaluated on, each one call."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_kd import data
from keras_kd.config.chain import last_stage, side_of, stages_of
from keras_kd.config.combining import drawn_by, needs_labels
from keras_kd.config.training import methods_of
from keras_kd.config.views import modality_of, seen_in
from keras_kd.data import service
from keras_kd.distribution import strategies
from keras_kd.run import sources
from keras_kd.teachers.cache import fingerprint as cache_fingerprint
from keras_kd.training.lengths import Lengths
from keras_kd.training.stage import StageData


class Sides(NamedTuple):
    """Sides in pixels of what the networks of a stage see."""

    student: int
    teacher: int


def sides_of(config, stage):
    """The `Sides` of a stage; teachers that see other sizes get the largest of them."""
    own = side_of(config, stage.network)
    theirs = [side_of(config, teacher.network) for teacher in stage.teachers]
    return Sides(own, max(theirs, default=own))


class Streams:
    """The training and evaluation data of a run, each stream one call.

    Args:
        config: the run's config.
        source: `keras_kd.data.Source` of the teacher's classes, on which models are evaluated; the
            training images are its own too, unless the config names others.
        strategy: the `tf.distribute.Strategy` whose replicas share a batch; None for one.
        data_service: address of a tf.data service that makes the training batches, or empty.
        unlabelled: `keras_kd.data.Source` of further images for stages that follow a teacher; None
            for none.

    Attributes:
        pools: the `keras_kd.run.sources.Pools` of the run.

    Raises:
        ValueError: a batch that is larger than the data or does not divide over the replicas, or
            data that a service cannot read.
    """

    def __init__(self, config, source, strategy=None, data_service="", unlabelled=None):
        settings = config.data
        self.config = config
        self.strategy = strategy or tf.distribute.get_strategy()
        check_batch_size(config, self.strategy)
        self.source = source
        self.pools = sources.make_pools(config, source, unlabelled)
        for stage in stages_of(config):
            _check_pool(config, stage, self.pools.of(stage))
        # Held apart from `train`: who makes the batches does not change what they are.
        self.make = data.build_dataset
        if data_service:
            self.make = functools.partial(service.build_dataset, data_service)
        self.evaluate = functools.partial(
            data.evaluation_dataset,
            source,
            settings.eval_split,
            settings.eval_batch_size,
            full_image=settings.eval_full_image,
            scale=settings.eval_scale,
            resize=settings.eval_resize,
        )

    def lengths_of(self, stage):
        """The `Lengths` by which a stage counts its steps; an epoch is that of its own images."""
        count = self.pools.of(stage).num_examples
        return Lengths(count, self.config.batch_size, self.config.steps_per_execution)

    def train(self, stage, **arguments):
        """A function of `start_step` and others to the training batches of a stage.

        Args:
            stage: `keras_kd.config.chain.StageConfig`.
            **arguments: of `keras_kd.data.build_dataset`.

        Returns:
            a `functools.partial` of `build_dataset`.
        """
        pool, config = self.pools.of(stage), self.config
        common = {
            "batch_size": config.batch_size,
            "seed": config.seed,
            "resize": config.data.resize,
            "repeats": stage.settings.repeats,
        }
        return functools.partial(data.build_dataset, pool.source, pool.split, **common, **arguments)

    def of(self, stage):
        """What a stage is trained and evaluated on, while its teachers run live.

        Args:
            stage: `keras_kd.config.chain.StageConfig`.

        Returns:
            `keras_kd.training.stage.StageData`.
        """
        return self.for_teacher_and_student(stage) if stage.teachers else self.for_labels(stage)

    def for_labels(self, stage):
        """For one model that learns from labels: `StageData`."""
        settings, side = stage.settings, sides_of(self.config, stage).student
        # Labels of mixed images are mixed too. Under `fix/*` it sees what a student would.
        views = seen_in(self.config, stage)
        train = self.train(
            stage,
            mode=views.for_one(_own_views(settings)),
            resolution=side,
            one_hot=views.mixes,
            with_ids=_needs_ids(settings),
        )
        return StageData(self._endless(stage, train), self._evaluated(stage, side))

    def first_images(self, stage, count):
        """The first training images of a stage as its network sees them, alike on all workers.

        Args:
            stage: `keras_kd.config.chain.StageConfig`.
            count: how many at least, where there are as many; whole batches are taken.

        Returns:
            float32 array `[N, H, W, C]`.
        """
        count = -(-min(count, self.pools.of(stage).num_examples) // self.config.batch_size)
        mode = seen_in(self.config, stage).for_one()
        side = sides_of(self.config, stage).student
        train = self.train(stage, mode=mode, resolution=side)
        return np.concatenate([x.numpy() for x, _ in train(start_step=0).take(count)])

    def for_teacher_and_student(self, stage):
        """For teacher and student: `StageData`."""
        sides = sides_of(self.config, stage)
        evaluation = self._evaluated(stage, sides.student, teacher_resolution=sides.teacher)
        return StageData(self._endless(stage, self._both(stage)), evaluation)

    def with_targets(self, stage, targets):
        """As `for_teacher_and_student`, with targets that were computed before.

        Args:
            stage: `keras_kd.config.chain.StageConfig`.
            targets: `keras_kd.teachers.cache.stream.CachedTargets` or `teachers.FixedTargets`.

        Returns:
            `StageData`, whose training batches before `until` all have `teacher_logits`, or all
            have what the live teacher sees.
        """
        train = self._both(stage)

        def stream(start, stop):
            plans = strategies.gather(self.strategy, *targets.plan(start, stop))
            # Other workers may see other shards: go as far as all agree.
            until = min(until for until, _ in plans)
            if not all(there for _, there in plans):
                return self._start(stage, train, start), until

            def join(images, worker_index, num_workers):
                own = targets.of_worker(worker_index, num_workers)
                return own.join(images, start, until)

            return self._start(stage, train, start, join, teacher_view=False), until

        return StageData(stream, self.for_teacher_and_student(stage).evaluation)

    def for_teacher(self, stage):
        """What the teacher alone sees while a student is distilled.

        Returns:
            (stream of `[B, H, W, C]` images by start step, fingerprint of data and views).
        """
        asked, seen = self.asked(stage)
        return lambda start: asked(start).map(lambda batch: batch["image"]), seen

    def asked(self, stage):
        """All that the teacher is asked by while a student is distilled.

        Returns:
            (stream of batch dicts by start step: `image` `[B, H, W, C]`, `labels`, and `step`, a
            scalar; fingerprint of data and views).
        """
        # Where both models see one crop, its size for the student does not matter here.
        settings, sides = stage.settings, sides_of(self.config, stage)
        views = seen_in(self.config, stage)
        own_view = views.teacher is not None
        train = self.train(
            stage,
            mode=views.for_teacher(),
            resolution=sides.student if own_view else sides.teacher,
            teacher_resolution=sides.teacher if own_view else None,
            one_hot=views.mixes and needs_labels(settings),
        )
        pool = self.pools.of(stage)
        seen = cache_fingerprint.of_data(pool.source, pool.split)
        config = self.config
        drawn = config.batch_size, sides.teacher, config.seed, config.data.resize, settings.repeats
        seen |= cache_fingerprint.of_views(views, *drawn) | drawn_by(stage)

        def batch(step, both):
            x, y = both
            return {"image": x["teacher"] if own_view else x, "labels": y, "step": step}

        return lambda start: train(start_step=start).enumerate(start).map(batch), seen

    def fixed_views(self, stage):
        """What the teacher sees of each example under a mode `fix/*`: `data.FixedViews`."""
        pool = self.pools.of(stage)
        return data.FixedViews(
            pool.source,
            pool.split,
            seen_in(self.config, stage),
            sides_of(self.config, stage).teacher,
            crops=stage.settings.fix_crops,
            seed=self.config.seed,
            resize=self.config.data.resize,
        )

    def held_out(self):
        """The last stage's evaluation data, as one process alone reads them."""
        stage = last_stage(self.config)
        sides = sides_of(self.config, stage)
        taught = {"teacher_resolution": sides.teacher} if stage.teachers else {}
        return self.evaluate(sides.student, modality=modality_of(self.config, stage), **taught)

    def _start(self, stage, train, start, join=lambda images, *worker: images, **changes):
        """Training data from step `start` on, of which every worker makes its own rows."""

        def make(worker_index, num_workers):
            settings = {**train.keywords, **changes, "start_step": start}
            settings |= {"worker_index": worker_index, "num_workers": num_workers}
            batches = join(self.make(*train.args, **settings), worker_index, num_workers)
            # Labels of another data set would only make up an accuracy, and others are hidden.
            return batches if self.pools.of(stage).labelled else batches.map(lambda x, y: (x,))

        return strategies.feed(self.strategy, make)

    def _endless(self, stage, train):
        """The stream of a stage, of data that keep their structure to the end."""
        return lambda start, stop: (self._start(stage, train, start), stop)

    def _evaluated(self, stage, resolution, **options):
        options["modality"] = modality_of(self.config, stage)
        if strategies.is_tpu(self.strategy):  # takes no open shape, and a batch for each core
            options["fill_to"] = self.strategy.num_replicas_in_sync
        return strategies.feed_all(self.strategy, self.evaluate(resolution, **options))

    def _both(self, stage):
        settings, sides = stage.settings, sides_of(self.config, stage)
        views = seen_in(self.config, stage)
        return self.train(
            stage,
            mode=views,
            resolution=sides.student,
            teacher_resolution=sides.teacher,
            one_hot=views.mixes and _learns_from_labels(settings),
            # Fixed targets are joined by them.
            with_ids=_needs_ids(settings) or views.fixed is not None,
        )


def _learns_from_labels(settings):
    """Whether a stage looks at labels: its own loss, that of a method, or whoever teaches it."""
    own = settings.label_weight > 0 or any(m.needs_labels for m in methods_of(settings))
    return own or needs_labels(settings)


def _own_views(settings):
    """Names of the networks of a stage's methods that see draws of their own."""
    return tuple(name for method in methods_of(settings) for name in method.own_views())


def _needs_ids(settings):
    """Whether a method of a stage tells the examples apart."""
    return any(method.needs_id for method in methods_of(settings))


def _check_pool(config, stage, pool):
    """Refuses a batch that is larger than what a stage learns from."""
    few, chosen = config.data.labels_per_class, tuple(stage.settings.classes)
    if config.batch_size > pool.num_examples:
        which = f" (data.labels_per_class={few})" if few else ""
        which += f" ({stage.path}.classes={chosen})" if chosen else ""
        raise ValueError(
            "config.batch_size must not exceed the number of training images. Received: "
            f"batch_size={config.batch_size}, {pool.num_examples} images{which} in split "
            f"'{pool.split}' of {pool.source.name}."
        )


def check_batch_size(config, strategy):
    """Refuses a batch that does not divide over the replicas; needs no data.

    Args:
        config: the run's config.
        strategy: a `tf.distribute.Strategy`.

    Raises:
        ValueError: names both numbers and the nearest batch size.
    """
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise ValueError(
            "config.batch_size must be divisible by the number of replicas. "
            f"Received: batch_size={config.batch_size}, replicas={replicas}. "
            f"Nearest: {max(1, config.batch_size // replicas) * replicas}."
        )
