"""The data of a run: every stream that a stage trains on or is evaluated on, each one call."""

import functools

import tensorflow as tf

from keras_kd import data
from keras_kd.config.views import views_of
from keras_kd.data import service
from keras_kd.distribution import strategies
from keras_kd.run import sources as domains
from keras_kd.teachers.cache import fingerprint as cache_fingerprint


class Streams:
    """The training and evaluation data of a run, each stream one call.

    Args:
        config: the run's config.
        source: `keras_kd.data.Source` of the teacher's classes, on which models are evaluated; the
            training images are its own too, unless the config names others.
        strategy: the `tf.distribute.Strategy` whose replicas share a batch; None for one.
        data_service: address of a tf.data service that makes the training batches, or empty.
        with_ids: whether batches for teacher and student carry `id`.

    Raises:
        ValueError: a batch that is larger than the data or does not divide over the replicas, or
            data that a service cannot read.
    """

    def __init__(self, config, source, strategy=None, data_service="", with_ids=False):
        settings = config.data
        self.strategy = strategy or tf.distribute.get_strategy()
        check_batch_size(config, self.strategy)
        self.source = source
        self.images = domains.load_images(config, source)
        self.with_ids = with_ids
        self.train_split = settings.train_split
        self.num_examples = self.images.split(settings.train_split).num_examples
        if config.batch_size > self.num_examples:
            raise ValueError(
                "config.batch_size must not exceed the number of training images. Received: "
                f"batch_size={config.batch_size}, {self.num_examples} images in split "
                f"'{settings.train_split}' of {self.images.name}."
            )
        self.resolution = settings.resolution
        self.teacher_resolution = settings.teacher_resolution or settings.resolution
        # Held apart from `train`: who makes the batches does not change what they are.
        self.make = data.build_dataset
        if data_service:
            self.make = functools.partial(service.build_dataset, data_service)
        self.train = functools.partial(
            data.build_dataset,
            self.images,
            settings.train_split,
            batch_size=config.batch_size,
            seed=config.seed,
        )
        self._views = functools.partial(views_of, config)
        self.evaluate = functools.partial(
            data.evaluation_dataset,
            source,
            settings.eval_split,
            settings.eval_batch_size,
            full_image=settings.eval_full_image,
            scale=settings.eval_scale,
        )

    def alone(self, settings, resolution):
        """For one model that learns from labels: (stream of `stages.train`, evaluation)."""
        # Labels of mixed images are mixed too. Under `fix/*` it sees what a student would.
        views = self._views(settings)
        train = functools.partial(
            self.train,
            mode=views.for_one(),
            resolution=resolution,
            one_hot=views.mixes,
        )
        return self._endless(train), self._evaluated(resolution)

    def taught(self, settings):
        """What the teacher alone sees while a student is distilled.

        Returns:
            (stream of `[B, H, W, C]` images by start step, fingerprint of data and views).
        """
        # Where both models see one crop, its size for the student does not matter here.
        views = self._views(settings)
        own_view = views.teacher is not None
        train = functools.partial(
            self.train,
            mode=views,
            resolution=self.resolution if own_view else self.teacher_resolution,
            teacher_resolution=self.teacher_resolution if own_view else None,
        )
        seen = cache_fingerprint.of_data(self.images, self.train_split)
        seen |= cache_fingerprint.of_views(
            views, train.keywords["batch_size"], self.teacher_resolution, train.keywords["seed"]
        )
        images = lambda x, y: x["teacher"] if own_view else x  # noqa: E731
        return lambda start: train(start_step=start).map(images), seen

    def fixed_views(self, settings):
        """What the teacher sees of each example under a mode `fix/*`: `data.FixedViews`."""
        return data.FixedViews(
            self.images,
            self.train_split,
            self._views(settings),
            self.teacher_resolution,
            crops=settings.fix_crops,
            seed=self.train.keywords["seed"],
        )

    def together(self, settings):
        """For teacher and student: (stream of `stages.train`, evaluation)."""
        sides = {"teacher_resolution": self.teacher_resolution}
        return self._endless(self._both(settings)), self._evaluated(self.resolution, **sides)

    def held_out(self):
        """The evaluation data for teacher and student, as one process alone reads them."""
        return self.evaluate(self.resolution, teacher_resolution=self.teacher_resolution)

    def cached(self, settings, targets):
        """As the stream of `together`, with targets that were computed before.

        Args:
            settings: the stage's section of the config.
            targets: `keras_kd.teachers.cache.stream.CachedTargets` or `teachers.FixedTargets`.

        Returns:
            function (start, stop) -> (dataset, until): batches of the steps before `until`, all
            with `teacher_logits`, or all with what the live teacher sees.
        """
        train = self._both(settings)

        def stream(start, stop):
            plans = strategies.gather(self.strategy, *targets.plan(start, stop))
            # Other workers may see other shards: go as far as all agree.
            until = min(until for until, _ in plans)
            if not all(there for _, there in plans):
                return self._start(train, start), until

            def join(images, worker_index, num_workers):
                own = targets.of_worker(worker_index, num_workers)
                return own.join(images, start, until)

            return self._start(train, start, join, teacher_view=False), until

        return stream

    def _start(self, train, start, join=lambda images, *worker: images, **changes):
        """Training data from step `start` on, of which every worker makes its own rows."""

        def make(worker_index, num_workers):
            settings = {**train.keywords, **changes, "start_step": start}
            settings |= {"worker_index": worker_index, "num_workers": num_workers}
            batches = join(self.make(*train.args, **settings), worker_index, num_workers)
            # Labels of another data set would only make up an accuracy.
            return batches if self.images is self.source else batches.map(lambda x, y: (x,))

        return strategies.feed(self.strategy, make)

    def _endless(self, train):
        """The stream that `stages.train` takes, of data that keep their structure to the end."""
        return lambda start, stop: (self._start(train, start), stop)

    def _evaluated(self, resolution, **options):
        if strategies.is_tpu(self.strategy):  # takes no open shape, and a batch for each core
            options["fill_to"] = self.strategy.num_replicas_in_sync
        return strategies.feed_all(self.strategy, self.evaluate(resolution, **options))

    def _both(self, settings):
        views = self._views(settings)
        return functools.partial(
            self.train,
            mode=views,
            resolution=self.resolution,
            teacher_resolution=self.teacher_resolution,
            one_hot=views.mixes and settings.label_weight > 0,
            # Fixed targets are joined by them.
            with_ids=self.with_ids or views.fixed is not None,
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


def lengths(config, streams):
    """What every stage needs to count its steps."""
    return {
        "num_examples": streams.num_examples,
        "batch_size": config.batch_size,
        "steps_per_execution": config.steps_per_execution,
    }
