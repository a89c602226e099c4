"""Training batches made by a tf.data service: augmentation on more machines than the training.

The dispatcher hands out step numbers, whichever data worker is free makes that step's batch, and
the training process puts the batches back in order. A batch is a pure function of (seed, step), so
they are the very batches that it would have made itself, and one that was lost with its data
worker is made here. Data workers may come and go.

All that a data worker runs is TensorFlow's own: `keras-kd-data` starts one, and any tf.data service
of the same TensorFlow will do. Files must lie under the same paths on the data workers.
"""

import dataclasses
import functools
import os
import socket

import numpy as np
import tensorflow as tf

from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.examples import ArrayStore, Source
from keras_kd.data.pipeline import build_dataset as build_here
from keras_kd.data.sources import load_source

AHEAD = 32  # batches that may overtake a step before it counts as lost


def build_dataset(address, source, split, *args, **settings):
    """As `keras_kd.data.build_dataset`, with the batches made by a tf.data service.

    Args:
        address: `grpc://host:port` of the dispatcher.
        source: a `Source`, or a name for `load_source`.
        split: split expression.
        *args: as `build_dataset`'s.
        **settings: as `build_dataset`'s, without `num_steps`.

    Returns:
        `tf.data.Dataset` of the same batches in the same order.

    Raises:
        ValueError: no such address, or data that only this process can read.
        OSError: nobody listens there.
    """
    check_address(address)
    _knock(address)
    source = Portable(load_source(source))
    source.split(split)  # Refuse here what cannot be read there.
    build = functools.partial(build_here, source, split, *args, **settings)
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    made = build(by_step=True).apply(
        tf.data.experimental.service.distribute(processing_mode=policy, service=address)
    )
    first = settings.get("start_step", 0)
    signature = made.element_spec[1]
    data = tf.data.Dataset.from_generator(
        lambda: in_order(made, first, build), output_signature=signature
    )
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    data = data.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return data.prefetch(2).with_options(options)


def check_address(address):
    """Refuses what is no `grpc://host:port`.

    Raises:
        ValueError: another form.
    """
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    if not address.startswith("grpc://") or not host or not port.isdigit():
        raise ValueError(
            "The address of a tf.data service has the form grpc://host:port. Received: "
            f"data_service={address!r}. Start one with keras-kd-data."
        )


def _knock(address):
    """TensorFlow would try again for ever, without a word."""
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise OSError(
            f"A tf.data service must listen at {address} ({error}). Received: "
            f"data_service={address!r}. Start it with keras-kd-data, or train without it."
        ) from error


def in_order(made, first, build):
    """Batches in the order of their steps.

    Args:
        made: iterable of `(step, batch)`, of each step at most once.
        first: the step to begin with.
        build: function `(start_step, num_steps)` -> dataset of batches made in this process.

    Yields:
        the batches of `first`, `first + 1`, ...
    """
    waiting, step = {}, first
    for found, batch in made:
        if int(found) >= step:
            waiting[int(found)] = batch
        if step not in waiting and len(waiting) > AHEAD:
            waiting[step] = next(iter(build(start_step=step, num_steps=1)))
        while step in waiting:
            yield waiting.pop(step)
            step += 1


class Portable(Source):
    """A source whose batches any TensorFlow process can make.

    Args:
        source: the `keras_kd.data.Source` that knows the images.
    """

    def __init__(self, source):
        vars(self).update(vars(source))
        self._source = source

    def split(self, name):
        """As the source's, read by TensorFlow's own operations.

        Raises:
            ValueError: examples that are held in another way than in files or in memory.
        """
        examples = self._source.split(name)
        store = examples.store
        if isinstance(store, ArrayStore):
            return examples
        if not isinstance(store, ByteRanges):
            raise ValueError(
                "A tf.data service reads images from local files or from memory. Received: "
                f"{self._source.name}, whose images are held by {type(store).__name__}. Train "
                "without --data_service."
            )
        return dataclasses.replace(examples, store=PortableRanges(store))


class PortableRanges:
    """Byte ranges in files, read without Python: `ByteRanges` for other processes.

    Args:
        ranges: `keras_kd.data.byte_ranges.ByteRanges`.
    """

    def __init__(self, ranges):
        self.paths = np.array([os.path.abspath(path) for path in ranges.paths])
        self.sizes = np.array([os.path.getsize(path) for path in ranges.paths], np.int64)
        self.file_index, self.spans = ranges.file_index, ranges.spans

    def fetch(self, positions):
        """Graph-side read of many ranges: int `[B]` -> string `[B]`."""
        files = tf.gather(self.file_index, positions)
        spans = tf.gather(self.spans, positions)
        columns = (tf.gather(self.paths, files), tf.gather(self.sizes, files), spans)
        return tf.map_fn(_read, columns, fn_output_signature=tf.TensorSpec([], tf.string))


def _read(columns):
    path, size, span = columns
    offset, length = span[0], span[1]
    # A file with one record, between a header and a footer that are skipped without being read.
    record = tf.data.FixedLengthRecordDataset(
        path, length, header_bytes=offset, footer_bytes=size - offset - length
    )
    return record.get_single_element()
