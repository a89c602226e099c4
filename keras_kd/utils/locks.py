"""A lock of the operating system, which it gives back when a process ends, however it ends."""

import contextlib
import logging
import warnings
from pathlib import Path

import filelock

_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def exclusive(folder):
    """Lets one process after the other train or compile the teacher in a working directory.

    Says on what it waits. Where the file system has no locks it warns, and lets everybody in.

    Args:
        folder: the working directory; made if missing.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(folder) / "teacher.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {folder} must be writable ({error.strerror}). Make it so, or give "
            "another --workdir",
        ) from error
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        _logger.info("Waiting for the process that prepares the teacher in %s.", folder)
        lock.acquire()
    except (OSError, NotImplementedError) as error:  # which of them depends on the version
        warnings.warn(
            f"The file system of {folder} has no locks ({error}): start one process there at a "
            "time while the teacher is trained.",
            stacklevel=3,
        )
    try:
        yield
    finally:
        lock.release()
