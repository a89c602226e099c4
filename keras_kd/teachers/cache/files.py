"""Files of a cache that several processes may write and that a disk may damage."""

from keras_kd.utils.files import write_whole


class CacheWriteError(OSError):
    """A file of a cache could not be written; what was there before is whole."""


def write_shared(path, write, replace=True):
    """As `keras_kd.utils.files.write_whole`, for a file of a cache: its errors say what to do.

    Args:
        path: the file to make or replace.
        write: function that gets a file opened for binary writing.
        replace: False leaves a file that is there as it is.

    Raises:
        CacheWriteError: the disk is full or not writable; no part of the file is left.
    """
    try:
        write_whole(path, write, replace)
    except OSError as error:
        raise CacheWriteError(
            error.errno,
            f"Could not write {path} ({error.strerror}). Shards that are whole are kept. Free "
            "some space or give another --cache; the same command goes on with what is missing",
        ) from error
