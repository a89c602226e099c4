"""NumPy archives (`.npz`) that a disk or a network may have damaged."""

import io
import struct
import zipfile
import zlib

import numpy as np

try:
    from lzma import LZMAError
except ImportError:  # a Python that cannot unpack such members says so by a RuntimeError
    LZMAError = zipfile.BadZipFile

# What damage provokes beside OSError: zipfile tells a flipped flag by a RuntimeError, another
# method of compression by a NotImplementedError (which is one), and packed bytes that changed by
# the error of the method that unpacks them.
DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile)
DAMAGE += (zlib.error, LZMAError)


def read_archive(path, names=None):
    """Arrays of a NumPy archive, each compared with its checksum.

    Args:
        path: an `.npz` file. Pickled objects are never unpacked: they can run any code.
        names: the arrays wanted; None for all.

    Returns:
        dict of arrays.

    Raises:
        OSError: it cannot be read, or is damaged.
        Exception: one of `DAMAGE`, where it is damaged or lacks a name.
    """
    # Not `np.load`, which takes a damaged archive for a pickle and advises to trust it. A member
    # read as a whole is compared with its checksum before anything in it is believed.
    with zipfile.ZipFile(path) as archive:
        if names is None:
            names = [member.removesuffix(".npy") for member in archive.namelist()]
        return {name: _array(archive.read(f"{name}.npy")) for name in names}


def _array(content):
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
