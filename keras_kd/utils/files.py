"""Files that are whole or not there, whoever else writes them and whenever a process ends."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

DEAD_AFTER = 3600  # s without a write; what another machine left
ADVICE = "Free some space or choose another --workdir, then start the same command again"


def write_atomically(path, write, replace=True, advice=ADVICE):
    """Calls `write(file)` on a temporary file beside `path`, then gives it its name.

    Args:
        path: the file to make or replace.
        write: function that gets a file opened for binary writing.
        replace: False leaves a file that is there as it is.
        advice: what the user should do where it fails.

    Raises:
        OSError: the disk is full or not writable; what stood at `path` before is untouched, and no
            part of the new file is left.
    """
    try:
        _put(Path(path), write, replace)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Could not write {path} ({error.strerror}); what was there before is kept. {advice}",
        ) from error


def write_json(path, value):
    """Writes `value` as readable JSON, atomically."""
    text = json.dumps(value, indent=2, sort_keys=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def _put(path, write, replace=True):
    # A name of its own: two writers of one file must not write into one temporary file.
    owner = f"{_where()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{owner}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if replace or not _linked(temporary, path):
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):  # a read-only disk: the error that is raised says more
            temporary.unlink(missing_ok=True)


def check_writable(folder):
    """Makes a folder, and refuses one in which no file can be written.

    Args:
        folder: its path.

    Raises:
        OSError: it cannot be made or written.
    """
    probe = Path(folder) / f".{os.getpid()}-{secrets.token_hex(4)}.probe"
    try:
        _put(probe, lambda file: file.write(b"x"))
    except OSError as error:
        raise OSError(
            error.errno,
            f"Could not write in {folder} ({error.strerror}). Free some space or choose another "
            "folder, then start the same command again",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def process_space():
    """Where a process number means the same process: this boot, this container; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def is_gone(pid):
    """Whether no process of this place has the number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # the latter: no process has such a number
        return True
    except PermissionError:
        return False  # there, and another user's
    return False


def _where():
    here = process_space()
    return hashlib.sha256(here.encode()).hexdigest()[:12] if here else "unknown"


def _sweep(folder):
    """Deletes what killed processes left half-written."""
    for remains in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):  # another process was faster
            if _is_dead(remains):
                remains.unlink()


def _is_dead(temporary):
    """Whether nobody writes this temporary file any more."""
    owner = re.search(r"\.([0-9a-f]{12})-(\d+)-[0-9a-f]+\.tmp$", temporary.name)
    if owner is None or owner[1] != _where():
        return time.time() - temporary.stat().st_mtime > DEAD_AFTER
    return is_gone(int(owner[2]))


def _linked(temporary, path):
    """Gives a file its name unless that is taken; False where the file system has no links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was first, and what it wrote stays
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP):
            return False
        raise
    return True


def read_json(path, default=None):
    """The JSON value in a file, or `default` where there is none.

    Raises:
        ValueError: the file is not valid JSON.
    """
    path = Path(path)
    if not path.exists():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}). Delete it or mend it.") from error


@contextlib.contextmanager
def replace_folder(path):
    """Gives a temporary folder that takes the place of `path` if the block ends without an error.

    Args:
        path: the folder to put in place. An older one is removed only after the new one stands.

    Yields:
        A `Path` of an empty folder beside it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    retired = fresh.with_name(fresh.name + ".old")
    try:
        yield fresh
        os.chmod(fresh, 0o755)  # mkdtemp gives 0700, which a web server could not read
        if path.exists():
            os.replace(path, retired)
        try:
            os.replace(fresh, path)
        except OSError:
            if retired.exists():
                os.replace(retired, path)
            raise
    finally:
        for leftover in (fresh, retired):
            shutil.rmtree(leftover, ignore_errors=True)


def folder_bytes(path):
    """Bytes of all files below the folder `path`, or of the file `path`."""
    path = Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
