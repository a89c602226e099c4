"""Keeps XLA's compilations on disk, so that a second start does not compile again."""

import os
import sys
from pathlib import Path

FLAG = "--tf_xla_persistent_cache_directory"


def enable(directory):
    """Tells TensorFlow where to keep compiled XLA programs; call it before TensorFlow is imported.

    Files hold machine code: keep the folder on the machine that wrote it. TensorFlow never
    deletes them, and stops with an error where one is damaged: then delete the folder. On reading
    it logs "Error parsing text-format", which means nothing: it tries text before binary.

    Args:
        directory: folder, made where missing. A choice that stands in TF_XLA_FLAGS already wins.

    Returns:
        whether the flag was set.

    Raises:
        RuntimeError: TensorFlow is imported already, so that the flag might not be read.
    """
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if FLAG in flags:
        return False
    if "tensorflow" in sys.modules:
        raise RuntimeError(
            "The compilation cache must be chosen before TensorFlow is imported. "
            f"Received: directory={str(directory)!r} after the import. Call enable() first."
        )
    Path(directory).mkdir(parents=True, exist_ok=True)
    os.environ["TF_XLA_FLAGS"] = f"{flags} {FLAG}={Path(directory).resolve()}".strip()
    return True
