"""A lock of the operating system, which it gives back when a process ends, however it ends."""

import contextlib
import errno
import fcntl
import warnings
from pathlib import Path


@contextlib.contextmanager
def alone(folder, progress=lambda line: None):
    """Lets one process after the other train or compile the teacher in a working directory.

    The kernel gives the lock back when a process ends, however it ends.

    Args:
        folder: the working directory; made if missing.
        progress: function that is told what is waited for.

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
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"Waiting for the process that prepares the teacher in {folder}.")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            warnings.warn(
                f"The file system of {folder} has no locks ({error.strerror}): start one process "
                "there at a time while the teacher is trained.",
                stacklevel=3,
            )
        yield
