"""Fetches a published archive once, with progress, and keeps it only if it is whole."""

import os
import zipfile
from pathlib import Path

import keras

from keras_kd.utils.archives import DAMAGE


def fetch(address, name, folder):
    """A file of the cache, fetched first where it is not there yet.

    One that is there, perhaps put there by hand, is taken as it is: who reads it compares each
    array with the archive's own checksum.

    Args:
        address: where the archive (a zip, such as an `.npz`) is published.
        name: the file's name in the cache.
        folder: sub-folder of Keras's own cache: `$KERAS_HOME`, or `.keras` in the home folder.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ConnectionError: it cannot be fetched, or what came is not whole; says which file to put
            where by hand.
    """
    target = place(name, folder)
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own until it is whole: a killed download never passes for the file, and two
    # processes that fetch at once do not write into each other's.
    part = target.with_name(f"{name}.{os.getpid()}.part")
    try:
        keras.utils.get_file(part.name, address, cache_subdir=str(part.parent))
        problem = _damage(part)
        if not problem:
            os.replace(part, target)
    except Exception as error:  # get_file raises a bare Exception for whatever the network does
        problem = str(error) or type(error).__name__
    finally:
        part.unlink(missing_ok=True)
    if problem:
        raise ConnectionError(
            f"the weights cannot be fetched. Received: {address}: {problem}. Without a network, "
            f"fetch that address elsewhere and put the file at {target}, or set KERAS_HOME to a "
            f"folder that holds {folder}/{name}."
        )
    return target


def place(name, folder):
    """Where the cache has a file, or would have it; arguments as of `fetch`."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    return home / folder / name


def _damage(path):
    """What is wrong with a zip archive, after reading all of it; None if nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.testzip()
    except (OSError, *DAMAGE) as error:
        return f"what came is not a whole archive ({error})"
    return f"what came is damaged at {member}" if member else None
