"""Fills a teacher cache; any number of processes, on any machines, may do it at once."""

import logging
import time

import numpy as np

from keras_kd.models.output import two_classes
from keras_kd.teachers.cache.claims import Claim

POLL_SECONDS = 1.0
_logger = logging.getLogger(__name__)


def fill(cache, shards, stream, teach, advance=lambda images: None):
    """Computes the shards that are not there yet, and waits for those that others work on.

    Args:
        cache: `TeacherCache` from `TeacherCache.create`.
        shards: the shards wanted, in the order in which to make them.
        stream: function `start_step -> iterable` of the teacher's images `[B, H, W, C]`, or of
            all that it is asked by.
        teach: function of what the stream gives to logits `[B, K]`.
        advance: function that is called with a number of images when they are done, by whomever.

    Returns:
        number of images that this process computed.

    Raises:
        ValueError: logits that are not finite.
        OSError: the folder cannot be written.
    """
    size = cache.layout.steps_per_shard * cache.layout.batch_size
    batches = _Batches(stream)
    computed, todo, waits = 0, list(shards), False
    while todo:
        left = []
        for shard in todo:
            if cache.is_whole(shard):
                advance(size)
                continue
            claim = Claim(cache.path / f"shard_{shard:08d}.claim")
            if not claim.take():
                left.append((shard, claim))
                continue
            with claim:
                # Looked at again: its writer may have ended just before the claim was ours.
                if cache.is_whole(shard):
                    advance(size)
                    continue
                cache.shard_path(shard).unlink(missing_ok=True)  # damaged
                _forget_remains(cache, shard)
                cache.write(shard, _logits(cache.layout, shard, batches, teach, claim, advance))
                computed += size
        if len(left) == len(todo):
            if not waits:
                shard, claim = left[0]
                _logger.info("Waiting for %s, which computes shard %d of %s.",
                             claim.owner(), shard, cache.path)  # fmt: skip
                waits = True
            time.sleep(POLL_SECONDS)
        todo = [shard for shard, _ in left]
    return computed


def _logits(layout, shard, batches, teach, claim, advance):
    """The logits `[B, K]` of a shard's steps, one after the other."""
    first = shard * layout.steps_per_shard
    for step in range(first, first + layout.steps_per_shard):
        yield two_classes(np.asarray(teach(batches.at(step))))
        claim.beat()
        advance(layout.batch_size)


def _forget_remains(cache, shard):
    """Removes what a killed writer of this shard left behind; the claim is ours."""
    for remains in cache.path.glob(f".{cache.shard_path(shard).name}.*.tmp"):
        remains.unlink(missing_ok=True)


class _Batches:
    """Batches by step; those that follow one another come out of one stream."""

    def __init__(self, stream):
        self._stream = stream
        self._next = None

    def at(self, step):
        if step != self._next:
            self._iterator = iter(self._stream(step))
        self._next = step + 1
        return next(self._iterator)
