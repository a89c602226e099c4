"""The mean of a teacher's answers to many views of each example, batch after batch."""

import time

import numpy as np

from keras_kd.teachers.spot_check import softmax
from keras_kd.utils.bars import progress_bar

# The smallest positive number whose logarithm, as that of a mean, is kept.
TINY = np.finfo(np.float64).tiny
WRITING_SHARE = 0.05  # of the time, at most, goes into keeping what is done


class Average:
    """Targets of examples whose views come in order, any number of them at a time.

    One view an example: the target is the teacher's logits. Several: the logarithm of the mean of
    its probabilities, summed in float64.

    Args:
        count: number of examples N.
        crops: views of each.
    """

    def __init__(self, count, crops):
        self.crops, self.total = crops, count * crops
        self.count, self.seen = count, 0
        self.targets = self.sum = None

    def go_on_from(self, targets, partial_sum, seen):
        """Takes up the `state` of an earlier computation."""
        self._make(targets.shape[1])
        self.targets[: len(targets)] = targets
        self.sum[:] = partial_sum
        self.seen = seen

    def state(self):
        """Arrays that `go_on_from` needs: the whole examples, and the sum of the one begun."""
        done = self.targets[: self.seen // self.crops]
        return {"targets": done, "sum": self.sum, "seen": np.int64(self.seen)}

    def add(self, logits):
        """Takes the logits float32 `[b, K]` of the next views.

        Raises:
            ValueError: logits that are not finite: the teacher is broken.
        """
        if not np.isfinite(logits).all():
            raise ValueError(
                f"The teacher's logits of example {self.seen // self.crops} or one after it are "
                "not finite. Its weights may be damaged, or its input_range wrong."
            )
        if self.targets is None:
            self._make(logits.shape[1])
        if self.crops == 1:
            self.targets[self.seen : self.seen + len(logits)] = logits
            self.seen += len(logits)
            return
        probabilities = softmax(logits)
        while len(probabilities):
            example, number = divmod(self.seen, self.crops)
            part = probabilities[: self.crops - number]
            self.sum += part.sum(axis=0)
            self.seen += len(part)
            if self.seen % self.crops == 0:
                self.targets[example] = np.log(np.maximum(self.sum / self.crops, TINY))
                self.sum[:] = 0.0
            probabilities = probabilities[len(part) :]

    def _make(self, num_classes):
        self.targets = np.empty((self.count, num_classes), np.float32)
        self.sum = np.zeros(num_classes, np.float64)


def compute(average, views, teach, batch_size, keep=lambda: None, keep_every=30.0):
    """Shows the teacher every view that is still to come.

    Args:
        average: `Average`, which learns the answers.
        views: `keras_kd.data.FixedViews`.
        teach: function images `[B, L, L, C]` -> logits `[B, K]`.
        batch_size: B.
        keep: function that stores what is done so far.
        keep_every: seconds between two calls of `keep`, at the least.
    """
    with progress_bar("targets", average.total, average.seen, unit="view") as bar:
        kept, pause = time.monotonic(), keep_every
        for images in views.stream(batch_size, average.seen // batch_size):
            logits = np.asarray(teach(images))[: average.total - average.seen]
            average.add(logits)
            bar.update(len(logits))
            if time.monotonic() - kept >= pause and average.seen < average.total:
                began = time.monotonic()
                keep()
                kept = time.monotonic()
                pause = max(keep_every, (kept - began) / WRITING_SHARE)
