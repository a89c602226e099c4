"""Writing that survives a crash or a full disk, and reading a working directory."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path


class ExportError(ValueError):
    """A mistake the user can mend. The binaries print its message without a traceback."""


def write_bytes(path, data):
    """Writes `data` to `path` in one piece: readers see the old file or the whole new one.

    Args:
        path: where to write; the folder is made if it is missing.
        data: bytes, or str (written as UTF-8).

    Returns:
        The path, as a `Path`.

    Raises:
        OSError: the disk is full or not writable. The previous file is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = data.encode("utf-8") if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            # Without this, some file systems publish the new name before its content.
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp gives 0600, which a web server could not read
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def write_json(path, value):
    """Writes `value` as indented JSON in one piece. See `write_bytes`."""
    return write_bytes(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


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
        os.chmod(fresh, 0o755)
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


def existing_workdir(workdir):
    """The working directory as a `Path`.

    Raises:
        ExportError: no such folder.
    """
    path = Path(workdir or "")
    if not workdir or not path.is_dir():
        raise ExportError(
            "Expected the working directory of a training run. "
            f"Received: workdir={str(workdir or '')!r}, which is not a folder. "
            "Give the folder that keras-kd-train wrote, with --workdir=DIR."
        )
    return path


def read_json(path, default=None):
    """The JSON value in the file `path`, or `default` where the file is missing.

    Raises:
        ExportError: the file is there but is not valid JSON.
    """
    path = Path(path)
    if not path.exists():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ExportError(
            f"Expected valid JSON. Received: file={path.name!r} ({error}). "
            "Restore the file, or run keras-kd-train again on this working directory."
        ) from error


def read_metrics(path):
    """The records of a `metrics.jsonl` file: a list of dicts, empty where the file is missing.

    A line that does not parse is left out: a run that was killed may end in half a line.
    """
    path = Path(path)
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            record = json.loads(line)
            if isinstance(record, dict):
                records.append(record)
    return records


def section(config, name):
    """The sub-dict `name` of a nested config, or an empty dict."""
    value = (config or {}).get(name)
    return value if isinstance(value, dict) else {}
