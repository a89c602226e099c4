"""Random access to encoded images that lie somewhere inside files, without holding their bytes."""

import os
import struct
import threading
import weakref

import numpy as np
import tensorflow as tf

from keras_kd.data import rescue

_KEPT_OPEN = 256  # Up to this many files stay open; a folder of images has more.


class ByteRanges:
    """A list of byte ranges in files, read by position.

    Args:
        paths: sequence of N_files local file names, str; not all of them need be in use.
        file_index: int `[N]`, which of `paths` holds range i.
        spans: int64 `[N, 2]`, offset and length in bytes.
        rescued: bool `[N]`, which images Pillow decodes, see `keras_kd.data.rescue`; None for none.
    """

    def __init__(self, paths, file_index, spans, rescued=None):
        self.paths = paths
        self.file_index = np.asarray(file_index, np.int32)
        self.spans = np.asarray(spans, np.int64).reshape(-1, 2)
        self.rescued = np.zeros(len(self.spans), bool) if rescued is None else rescued
        self._keep_open = len(self.paths) <= _KEPT_OPEN
        self._open = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._open)

    def __len__(self):
        return len(self.spans)

    def take(self, rows):
        """Some of the ranges: `ByteRanges` of rows int `[M]`."""
        return ByteRanges(self.paths, self.file_index[rows], self.spans[rows], self.rescued[rows])

    def join(self, other):
        """These ranges, and after them those of another `ByteRanges`."""
        file_index = np.concatenate([self.file_index, other.file_index + len(self.paths)])
        spans = np.concatenate([self.spans, other.spans])
        rescued = np.concatenate([self.rescued, other.rescued])
        return ByteRanges(_Chain(self.paths, other.paths), file_index, spans, rescued)

    def used(self):
        """The files that ranges lie in: positions in `paths`, int `[M]`, each once."""
        return np.unique(self.file_index)

    def read(self, position):
        """The bytes of range `position`."""
        path = self.paths[self.file_index[position]]
        offset, length = (int(value) for value in self.spans[position])
        if self._keep_open:
            data = os.pread(self._descriptor(path), length, offset)
        else:
            with open(path, "rb", buffering=0) as file:
                data = os.pread(file.fileno(), length, offset)
        if len(data) != length:
            raise OSError(
                f"Expected {length} bytes at offset {offset} of {path}. Received: "
                f"{len(data)} bytes. The file changed since it was scanned; start again."
            )
        return data

    def fetch(self, positions):
        """Graph-side read of many ranges: int `[B]` -> string `[B]`, each decodable."""
        positions = tf.convert_to_tensor(positions)
        data = tf.numpy_function(self._read_many, [positions], tf.string, stateful=False)
        return tf.ensure_shape(data, positions.shape)

    def _read_many(self, positions):
        return np.array([self._decodable(position) for position in positions], object)

    def _decodable(self, position):
        """Bytes that TensorFlow decodes right."""
        encoded = self.read(position)
        return rescue.as_png(encoded) if self.rescued[position] else encoded

    def _descriptor(self, path):
        with self._lock:
            if path not in self._open:
                self._open[path] = os.open(path, os.O_RDONLY)
            return self._open[path]


class _Chain:
    """Two sequences after one another."""

    def __init__(self, first, second):
        self._first, self._second = first, second

    def __len__(self):
        return len(self._first) + len(self._second)

    def __getitem__(self, index):
        before = len(self._first)
        return self._first[index] if index < before else self._second[index - before]


def _close_all(descriptors):
    for descriptor in descriptors.values():
        os.close(descriptor)


def tfrecord_spans(path):
    """Offset and length of each record's payload in a TFRecord file, from the length headers alone.

    A record is `length: uint64, crc: uint32, payload, crc: uint32`; only the first eight bytes of
    each are read.

    Args:
        path: a local, uncompressed TFRecord file.

    Returns:
        int64 `[N, 2]`.

    Raises:
        ValueError: if the file ends inside a record.
    """
    spans = []
    with open(path, "rb", buffering=0) as file:
        descriptor, size, position = file.fileno(), os.fstat(file.fileno()).st_size, 0
        while position < size:
            header = os.pread(descriptor, 8, position)
            length = struct.unpack("<Q", header)[0] if len(header) == 8 else size
            if position + length + 16 > size:
                raise ValueError(
                    "Expected whole TFRecord records up to the end of the file. Received: "
                    f"path={path!s}, whose record {len(spans)} at byte {position} runs past the "
                    f"end ({size} bytes). The file is truncated or damaged; fetch it again."
                )
            spans.append((position + 12, length))
            position += length + 16
    return np.asarray(spans, np.int64).reshape(-1, 2)
