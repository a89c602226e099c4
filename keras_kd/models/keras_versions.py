"""Which Keras wrote a model file: by the file's own record, before anything is loaded."""

import json
import zipfile
from typing import NamedTuple

from keras_kd.utils.archives import DAMAGE

SIGNATURE = b"\x89HDF\r\n\x1a\n"  # of HDF5


class Written(NamedTuple):
    """What a file says of itself.

    Attributes:
        format: "keras", an archive; "h5"; or empty: neither, or cut short.
        version: of the Keras that wrote it, such as "2.15.0"; empty: not said.
        config: JSON text of the network; empty where the file holds weights alone.
    """

    format: str
    version: str = ""
    config: str = ""

    @property
    def is_old(self):
        """Whether Keras 1 or 2 wrote it; HDF5 files of Keras 1 do not always say."""
        return (
            not self.version.startswith("3")
            if self.format == "h5"
            else (self.version.startswith(("1.", "2.")))
        )


def written(path):
    """What the file at `path` says of itself, as `Written`; it is there."""
    if zipfile.is_zipfile(path):
        return Written("keras", *_archive(path))
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return Written("")
    import h5py

    try:
        with h5py.File(path) as file:
            read = lambda key: _text(file.attrs.get(key, ""))  # noqa: E731
            return Written("h5", read("keras_version"), read("model_config"))
    except OSError:  # cut short
        return Written("")


def _archive(path):
    try:
        with zipfile.ZipFile(path) as archive:
            config = archive.read("config.json").decode()
            version = json.loads(archive.read("metadata.json")).get("keras_version", "")
            return str(version), config
    except (KeyError, ValueError, AttributeError, *DAMAGE):  # not one of Keras
        return "", ""


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
