"""From a name to a source of labelled images."""

import os

from keras_kd.data.digits import Digits
from keras_kd.data.examples import Source
from keras_kd.data.folder import Folder
from keras_kd.data.ids_only import IdsOnly
from keras_kd.data.loose_folder import LooseFolder
from keras_kd.data.orientation import EXIF
from keras_kd.data.tfrecord_source import TFRecords
from keras_kd.utils.names import nearest

SCHEMES = (
    "digits",
    "tfds:NAME[/CONFIG]",
    "folder:PATH",
    "tfrecord:PATTERN[#IMAGE_KEY]",
    "none:CLASSES,SIDE,CHANNELS",
    "a path of a folder in TFDS layout",
)


def load_source(name, data_dir=None, allow_bad=0.01, index_dir=None, exif="ignore"):
    """Opens a source of labelled images; nothing is read before a split is asked for.

    Args:
        name: `digits`; `tfds:NAME[/CONFIG]`; the path of a folder in TFDS layout;
            `folder:PATH`, with a sub-folder a class; `tfrecord:PATTERN`, files of
            `tf.train.Example`; or `none:CLASSES,SIDE,CHANNELS`, ids and no image, for stages whose
            images a network makes. A `Source` is returned as it is.
        data_dir: folder that holds prepared TFDS data sets; TFDS's default where None.
        allow_bad: fraction of files that may be unreadable, in [0, 1]; they are skipped, counted
            and listed, and more of them stop the run.
        index_dir: folder that keeps the scan of each split, keyed by the files' names, sizes and
            modification times, so that a restart need not decode everything again. None keeps
            nothing.
        exif: "apply" turns images as their EXIF orientation says, for crops, sizes and pixels;
            "ignore" takes them as they are stored.

    Returns:
        A `Source`.

    Raises:
        ValueError: if the name or `allow_bad` is not valid, or the source cannot be used.
        FileNotFoundError: if a folder does not exist.
        RuntimeError: if a TFDS data set must be downloaded and that fails.
    """
    if isinstance(name, Source):
        return name
    if exif not in EXIF:
        raise ValueError(
            f"data.exif must be one of {', '.join(EXIF)}. Received: exif={exif!r}"
            f"{nearest(exif, EXIF)}"
        )
    number = isinstance(allow_bad, (int, float)) and not isinstance(allow_bad, bool)
    if not number or not 0 <= allow_bad <= 1:
        raise ValueError(
            f"data.allow_bad must be a fraction in [0, 1]. Received: allow_bad={allow_bad!r}"
        )
    if not isinstance(name, (str, os.PathLike)) or not os.fspath(name).strip():
        raise ValueError(f"A source must be {_schemes()}. Received: source={name!r}")
    opened = _opened(os.fspath(name), data_dir, {"allow_bad": allow_bad, "index_dir": index_dir})
    opened.exif = exif
    return opened


def _opened(name, data_dir, options):
    scheme, colon, rest = name.partition(":")
    if name == "digits":
        return Digits(**options)
    if colon and scheme == "folder" and rest:
        return Folder(rest, **options)
    if colon and scheme == "tfrecord" and rest:
        return TFRecords(rest, **options)
    if colon and scheme == "none":
        return IdsOnly.parse(rest)
    if colon and scheme == "tfds" and rest:
        return _tfds(rest, data_dir, name, options)
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return _tfds_folder(path, name, options)
    if os.sep in name and not colon:
        raise FileNotFoundError(
            "A folder in TFDS layout was expected at this path. Received: "
            f"source={name!r}, which does not exist or is no folder. Check the path."
        )
    hint = nearest(scheme, ("digits", "tfds:", "folder:", "tfrecord:", "none:"))
    raise ValueError(f"A source must be {_schemes()}. Received: source={name!r}.{hint}")


def load_unlabelled(name, data_dir=None, allow_bad=0.01, index_dir=None, exif="ignore"):
    """Opens a source of images whose labels do not count, or that have none.

    Args:
        name: as for `load_source`; `folder:PATH` is all images below a folder, sorted or not.
        data_dir, allow_bad, index_dir, exif: as for `load_source`.

    Returns:
        a `Source`.

    Raises:
        ValueError, FileNotFoundError, RuntimeError: as `load_source`.
    """
    if isinstance(name, Source):
        return name
    scheme, _, path = os.fspath(name).partition(":")
    if scheme == "folder" and path:
        opened = LooseFolder(path, allow_bad, index_dir)
        opened.exif = exif
    else:
        opened = load_source(name, data_dir, allow_bad, index_dir, exif)
    opened.labelled = False
    return opened


def _schemes():
    return ", ".join(SCHEMES[:-1]) + " or " + SCHEMES[-1]


def _tfds(name, data_dir, full_name, options):
    # TensorFlow Datasets takes a second to import; digits and folders do without.
    from keras_kd.data.tfds_source import TFDSSource, builder_from_name

    return TFDSSource(builder_from_name(name, data_dir), full_name, **options)


def _tfds_folder(path, full_name, options):
    from keras_kd.data.tfds_source import TFDSSource, builder_from_folder

    return TFDSSource(builder_from_folder(path), full_name, **options)
