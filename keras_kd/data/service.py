"""Training batches made by a tf.data service: augmentation on more machines than the training.

The dispatcher hands out step numbers, whichever data worker is free makes that step's batch, and
the training process puts the batches back in order. A batch is a pure function of (seed, step), so
they are the very batches that it would have made itself, and one that was lost with its data
worker, or does not come, is made here. Data workers may come and go.

All that a data worker runs is TensorFlow's own: `keras-kd-data` starts one, and any tf.data service
of the same TensorFlow will do. Files must lie under the same paths on the data workers.
"""

import dataclasses
import functools
import os
import queue
import re
import socket
import threading
import warnings

import numpy as np
import tensorflow as tf

from keras_kd.data import assembly
from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.examples import ArrayStore, Source
from keras_kd.data.pipeline import build_dataset as build_here
from keras_kd.data.sources import load_source

AHEAD = 32  # batches that may overtake a step before it counts as lost
AHEAD_BYTES = 256e6  # fewer of them where they are large, but always two
WAIT = 10.0  # s without any batch, after which a step is made here
PATIENCE = 30  # such waits in a row, after which the training ends


def build_dataset(address, source, split, *args, start_step=0, **settings):
    """As `keras_kd.data.build_dataset`, with the batches made by a tf.data service.

    Args:
        address: `grpc://host:port` of the dispatcher.
        source: a `Source`, or a name for `load_source`.
        split: split expression.
        *args: mode, batch size and resolution, as `build_dataset`'s.
        start_step: first step of the stream, at least 0.
        **settings: as `build_dataset`'s, without `num_steps`.

    Returns:
        `tf.data.Dataset` of the same batches in the same order.

    Raises:
        ValueError: no such address, or data that only this process can read.
        OSError: nobody listens there. While the stream is read, TensorFlow hands it on as
            `tf.errors.UnknownError`: no batch came for `PATIENCE` times `WAIT` seconds.
    """
    knock(address)
    source = _portable(load_source(source))
    source.split(split)  # Refuse here what cannot be read there.
    build = functools.partial(build_here, source, split, *args, **settings)
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    made = build(start_step=start_step, by_step=True).apply(
        tf.data.experimental.service.distribute(processing_mode=policy, service=address)
    )
    signature = made.element_spec[1]
    size = sum(s.shape.num_elements() * s.dtype.size for s in tf.nest.flatten(signature))
    ahead = int(min(AHEAD, max(2, AHEAD_BYTES // size)))
    data = tf.data.Dataset.from_generator(
        lambda: in_order(in_time(made, address), start_step, build, ahead),
        output_signature=signature,
    )
    data = data.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return data.prefetch(2).with_options(assembly.options())


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


def knock(address):
    """Makes sure that somebody listens; TensorFlow would try again for ever, without a word.

    Args:
        address: `grpc://host:port`.

    Raises:
        ValueError: another form.
        OSError: nobody does.
    """
    check_address(address)
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise OSError(
            f"The dispatcher of a tf.data service must listen at {address} ({error}). Received: "
            f"address={address!r}. Start it with keras-kd-data --port={port}."
        ) from error


def in_time(made, address):
    """What a service makes, without waiting for it for ever.

    A thread does the reading: TensorFlow waits in native code, without limit and deaf to signals.

    Args:
        made: iterable of elements.
        address: of the service, for messages.

    Yields:
        the elements, and None whenever none has come for `WAIT` seconds.

    Raises:
        OSError: none came for `PATIENCE` times that, or the service reports an error.
    """
    found, left = queue.Queue(1), threading.Event()

    def put(element):
        while not left.is_set():
            try:
                return found.put(element, timeout=1)
            except queue.Full:
                pass  # the reader is slow: ask again whether it is still there

    def read():
        try:
            for element in made:
                put(element)
                if left.is_set():
                    return
            put(StopIteration())
        except Exception as error:  # for the other thread to raise
            put(error)

    threading.Thread(target=read, daemon=True).start()
    silent, warned = 0, False
    try:
        while True:
            try:
                element = found.get(timeout=WAIT)
            except queue.Empty:
                element, silent = None, silent + 1
            else:
                silent = 0
            if isinstance(element, StopIteration):
                return
            if isinstance(element, Exception):
                raise OSError(f"The tf.data service at {address} failed: {element}") from element
            if silent > PATIENCE:
                raise OSError(_no_batches(address, silent * WAIT))
            if silent and not warned:
                message = _no_batches(address, WAIT) + " This process makes them meanwhile."
                warnings.warn(message, stacklevel=2)
                warned = True
            yield element
    finally:
        left.set()


def _no_batches(address, seconds):
    return (
        f"The tf.data service at {address} has sent no batch for {seconds:g} s. Start a data "
        f"worker with keras-kd-data --dispatcher={address.removeprefix('grpc://')}, or train "
        "without --data_service."
    )


def failure(error):
    """The `OSError` of `in_time` inside an error of TensorFlow's, or None."""
    told = re.search(r"OSError: (The tf\.data service at .*)", str(error))
    return told and OSError(told[1])


def in_order(made, first, build, ahead=AHEAD):
    """Batches in the order of their steps.

    Args:
        made: iterable of `(step, batch)`, of each step at most once; or of None, where the next
            step shall be waited for no longer.
        first: the step to begin with.
        build: function `(start_step, num_steps)` -> dataset of batches made in this process.
        ahead: number of batches that may overtake a step.

    Yields:
        the batches of `first`, `first + 1`, ...
    """
    waiting, step = {}, first
    for element in made:
        if element is not None and int(element[0]) >= step:
            waiting[int(element[0])] = element[1]
        if step not in waiting and (element is None or len(waiting) > ahead):
            waiting[step] = next(iter(build(start_step=step, num_steps=1)))
        while step in waiting:
            yield waiting.pop(step)
            step += 1


def _portable(source):
    """The source's one `Portable`: making its splits asks for the size of every file."""
    if "_portable" not in vars(source):
        source._portable = Portable(source)
    return source._portable


class Portable(Source):
    """A source whose batches any TensorFlow process can make.

    Args:
        source: the `keras_kd.data.Source` that knows the images.
    """

    def __init__(self, source):
        vars(self).update(vars(source))
        self._source, self._splits = source, {}

    def split(self, name):
        """As the source's, read by TensorFlow's own operations.

        Raises:
            ValueError: examples that are held in another way than in files or in memory.
        """
        if name not in self._splits:
            self._splits[name] = self._readable(name)
        return self._splits[name]

    def _readable(self, name):
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
        if count := int(store.rescued.sum()):
            first = store.paths[store.file_index[np.argmax(store.rescued)]]
            raise ValueError(
                "A tf.data service reads images that TensorFlow decodes right. Received: "
                f"{self._source.name}, with {count:,} that Pillow reads, such as {first}. Save "
                "them as PNG or JPEG, or train without --data_service."
            )
        return dataclasses.replace(examples, store=PortableRanges(store))


class PortableRanges:
    """Byte ranges in files, read without Python: `ByteRanges` for other processes.

    Args:
        ranges: `keras_kd.data.byte_ranges.ByteRanges`.
    """

    def __init__(self, ranges):
        paths = [os.path.abspath(ranges.paths[index]) for index in ranges.used()]
        self.paths = np.array([os.fsencode(path) for path in paths])
        self.sizes = np.array([os.path.getsize(path) for path in paths], np.int64)
        self.file_index = np.searchsorted(ranges.used(), ranges.file_index).astype(np.int32)
        self.spans = ranges.spans

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
