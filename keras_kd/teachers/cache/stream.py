"""Training batches whose targets come out of a teacher cache, as far as it goes."""

import warnings

import numpy as np
import tensorflow as tf

from keras_kd.models.hub import run_once
from keras_kd.teachers import spot_check

HORIZON_BYTES = 256e6  # how much is read ahead, to find damage before a step meets it
LIVE_SHARDS, LIVE_STEPS = 8, 256  # the live teacher works on for so long before another look


class CachedTargets:
    """Joins targets to images, and tells for which steps there are any.

    The folder is looked at anew for every run of steps, so a writer may fill it meanwhile. A run
    begins with reading its shards, at most 256 MB or one shard, which is when damage shows; they
    stay in memory until their steps have come, beside at most three that are being taken apart.

    Args:
        cache: `keras_kd.teachers.cache.store.TeacherCache`.
        steps_per_execution: every run of steps is a multiple of it.
        worker_index: which rows of the global batch to read, as in `keras_kd.data.build_dataset`.
        num_workers: number of workers; must divide the batch size.
    """

    def __init__(self, cache, steps_per_execution=1, worker_index=0, num_workers=1):
        self.cache = cache
        self.steps_per_execution = steps_per_execution
        share = cache.layout.batch_size // num_workers
        self.rows = slice(worker_index * share, (worker_index + 1) * share)
        self._verdicts = {}
        self._ahead = {}  # shards that were read to judge them, until their steps come

    def of_worker(self, worker_index, num_workers):
        """The same targets, of one worker's rows of each global batch."""
        own = CachedTargets(self.cache, self.steps_per_execution, worker_index, num_workers)
        own._ahead = self._ahead
        return own

    def plan(self, start, stop):
        """How far the steps from `start` on are all cached, or all not.

        Args:
            start: first step.
            stop: the step to stop before; a multiple of `steps_per_execution` after `start`.

        Returns:
            (until, cached): the step after the last, in (start, stop], and whether there are
            targets for all of them.
        """
        size, multiple = self.cache.layout.steps_per_shard, self.steps_per_execution
        there = self.cache.shards()
        self._ahead.clear()  # of a run that was cut short
        end, budget = start, max(1, HORIZON_BYTES // self.cache.layout.shard_bytes)
        while end < stop and budget > 0 and self._is_whole(end // size, there):
            end = (end // size + 1) * size
            budget -= 1
        cached = (min(end, stop) - start) // multiple * multiple
        if cached:
            return start + cached, True
        later = (shard for shard in sorted(there) if shard * size > start)
        # A shard that was found damaged is no reason to look again so soon.
        again = next((s for s in later if self._verdicts.get(self._stamp(s), True)), None)
        until = start + max(LIVE_SHARDS * size, LIVE_STEPS)
        until = until if again is None else min(until, again * size)
        return min(start + -(-(until - start) // multiple) * multiple, stop), False

    def join(self, images, start, until):
        """`images` of the steps from `start` to before `until`, with `teacher_logits`.

        Args:
            images: `tf.data.Dataset` of `(x, y)` that starts at `start`, without the teacher's
                view.
            start: first step.
            until: the step after the last, as from `plan`.

        Returns:
            `tf.data.Dataset` of `(x, y)`, x a dict with `teacher_logits` float32 `[B, K]`.
        """

        def joined(batch, logits):
            x, y = batch
            x = x if isinstance(x, dict) else {"image": x}
            return {**x, "teacher_logits": logits}, y

        data = tf.data.Dataset.zip((images, self.logits(start, until))).map(joined)
        return data.prefetch(tf.data.AUTOTUNE).with_options(images.options())

    def logits(self, start, until):
        """`tf.data.Dataset` of float32 `[B, K]`, a batch a step."""
        layout = self.cache.layout
        size, first = layout.steps_per_shard, start // layout.steps_per_shard
        rows = len(range(layout.batch_size)[self.rows])
        kinds = layout.codec.shapes(size, rows)

        def load(shard):
            arrays = tf.numpy_function(self._read, [shard], [kind for kind, _ in kinds.values()])
            return {
                name: tf.ensure_shape(array, shape)
                for array, (name, (_, shape)) in zip(arrays, kinds.items())
            }

        data = tf.data.Dataset.range(first, -(-until // size)).map(load)
        # One shard is taken apart, one waits, one is being read.
        data = data.prefetch(1).unbatch().skip(start - first * size).take(until - start)
        return data.map(layout.codec.decode, tf.data.AUTOTUNE).prefetch(2)

    def spot_check(self, stream, teach):
        """Compares the first cached step with what the teacher says about it now.

        A fingerprint tells settings and image files apart. Another version of the augmentation or
        of a decoder, or images of a source that knows no checksums, only show in the targets.

        Args:
            stream: function `start_step -> tf.data.Dataset` of the teacher's images `[B, ...]`, or
                of dicts of all that it is asked by, a row an example or scalars.
            teach: function of what the stream gives to logits `[B, K]`.

        Raises:
            ValueError: other targets than the teacher's, by more than rounding explains.
        """
        there = self.cache.shards()
        first = next((shard for shard in sorted(there) if self._is_whole(shard, there)), None)
        if first is None:
            return
        step = first * self.cache.layout.steps_per_shard
        few = lambda value: value[: spot_check.ROWS] if value.shape.rank else value  # noqa: E731
        images = tf.nest.map_structure(few, next(iter(stream(step))))
        stored = next(iter(self.logits(step, step + 1)))[: spot_check.ROWS]
        spot_check.check_gap(
            spot_check.gap(stored, tf.cast(run_once(teach, images), tf.float32)),
            f"The teacher cache {self.cache.path} has the settings of this run, but not its "
            f"targets: at step {step}",
            "The images or the toolkit's version have changed. Fill another folder with "
            "keras-kd-teach, or leave config.teacher_cache empty.",
        )

    def _read(self, shard):
        arrays = self._ahead.pop(int(shard), None) or self.cache.read(int(shard))
        return [np.ascontiguousarray(array[:, self.rows]) for array in arrays.values()]

    def _is_whole(self, shard, there):
        if shard not in there:
            return False
        stamp = self._stamp(shard)
        if stamp not in self._verdicts:
            try:
                arrays = self.cache.read_whole(shard)
            except (OSError, MemoryError) as error:  # no verdict: the next look may read it
                warnings.warn(f"{error}. The live teacher stands in for now.", stacklevel=2)
                return False
            self._verdicts[stamp] = arrays is not None
            if arrays:
                self._ahead[shard] = arrays
        return self._verdicts[stamp]

    def _stamp(self, shard):
        """Tells a shard that was written again from the one that was found damaged."""
        try:
            status = self.cache.shard_path(shard).stat()
        except FileNotFoundError:
            return shard, None
        return shard, status.st_mtime_ns, status.st_size
