"""TensorFlow Datasets: `tfds:NAME[/CONFIG]`, or a folder in TFDS layout."""

import os
import re

import numpy as np

from keras_kd.data.byte_ranges import ByteRanges, tfrecord_spans
from keras_kd.data.examples import Source
from keras_kd.utils.names import nearest


class TFDSSource(Source):
    """A prepared TFDS data set of images with one label each, read in place.

    Args:
        builder: a `tfds.core.DatasetBuilder` whose files exist.
        name: as given to `load_source`.
        allow_bad: fraction of unreadable records that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Raises:
        ValueError: if the data set has no image or no class label, or is not stored as TFRecord.
    """

    def __init__(self, builder, name, allow_bad=0.01, index_dir=None):
        self._builder = builder
        self._image, self._label = _feature_keys(builder, name)
        file_format = getattr(builder.info.file_format, "value", None) or "tfrecord"
        if file_format != "tfrecord":
            raise ValueError(
                "A TFDS data set stored as TFRecord was expected. Received: "
                f"file_format={file_format!r} for {name}. Prepare it again with "
                "tfds.builder(..., file_format='tfrecord')."
            )
        names = builder.info.features[self._label].names
        counts = {split: info.num_examples for split, info in builder.info.splits.items()}
        super().__init__(name, names, 3, counts, allow_bad, index_dir)

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        paths, file_index, spans, ids = [], [], [], []
        for split, start, stop in parts:
            for shard, lo, hi in _shards(self._builder.info.splits[split], start, stop):
                shard_spans = _checked_spans(shard)
                file_index.append(np.full(hi - lo, len(paths)))
                spans.append(shard_spans[lo:hi])
                paths.append(os.fspath(shard.filename))
            ids.append(offsets[split] + np.arange(start, stop))
        records = ByteRanges(paths, np.concatenate(file_index), np.concatenate(spans))
        return self._scanned_records(records, np.concatenate(ids), self._parser(), parts, what)

    def _parser(self):
        """Function of a serialized record -> encoded image and label, by TFDS's own features."""
        import tensorflow_datasets as tfds

        features = self._builder.info.features
        wanted = {self._image: features[self._image], self._label: features[self._label]}
        partial = tfds.decode.PartialDecoding(wanted, {self._image: tfds.decode.SkipDecoding()})
        chosen = partial.extract_features(features)

        def parse(record):
            # In NumPy: ten times faster, one record at a time, than the same features in a graph.
            try:
                example = chosen.deserialize_example_np(record, decoders=partial.decoders)
            except Exception as error:  # Protobuf and TFDS raise what they like on damage.
                raise ValueError(f"not a record of this data set: {error}") from error
            return bytes(example[self._image]), int(example[self._label])

        return parse


def _feature_keys(builder, name):
    """Keys of the image and of its class label."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise ValueError(f"A data set of named features was expected. Received: {name}: {features}")
    images = [k for k, f in features.items() if isinstance(f, tfds.features.Image)]
    labels = [k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    keys = builder.info.supervised_keys
    if keys and len(keys) == 2 and keys[0] in images and keys[1] in labels:
        images, labels = [keys[0]], [keys[1]]
    if len(images) != 1 or len(labels) != 1:
        raise ValueError(
            "A data set with one image and one class label was expected. Received: "
            f"{name} with images {images} and class labels {labels}, features {sorted(features)}"
        )
    dtype = np.dtype(features[images[0]].np_dtype)
    if dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"Images of 8 or 16 bits were expected. Received: dtype={dtype} in {name}:{images[0]}"
        )
    return images[0], labels[0]


def _shards(split_info, start, stop):
    """The shards that hold positions [start, stop), each with its own range of records."""
    first = 0
    for shard in split_info.file_instructions:
        lo, hi = max(start - first, 0), min(stop - first, shard.take)
        if lo < hi:
            yield shard, lo, hi
        first += shard.take


def _checked_spans(shard):
    if not os.path.isfile(shard.filename):
        raise FileNotFoundError(
            f"A TFRecord file on a local disk was expected. Received: path={shard.filename!s}, "
            "which is missing or remote. Copy the whole data set to a local folder."
        )
    spans = tfrecord_spans(shard.filename)
    if len(spans) != shard.examples_in_shard:
        raise ValueError(
            f"Expected {shard.examples_in_shard} records, as the data set's own description says. "
            f"Received: {len(spans)} in {shard.filename!s}. The file is damaged or of another "
            "version; fetch the data set again."
        )
    return spans


def builder_from_name(name, data_dir=None):
    """The builder of `NAME[/CONFIG][:VERSION]`, prepared, downloading it where that is possible.

    Args:
        name: name as TFDS writes it.
        data_dir: folder that holds `NAME/...`, or None for TFDS's own default.

    Raises:
        ValueError: if TFDS does not know the name and no prepared folder bears it.
        FileNotFoundError: if `data_dir` does not exist and nothing can be prepared there.
        RuntimeError: if the data set must be downloaded and that fails.
    """
    import tensorflow_datasets as tfds

    if data_dir is not None:
        data_dir = os.path.abspath(os.path.expanduser(os.fspath(data_dir)))
    where = data_dir or "the default folder of TFDS"
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.registered.DatasetNotFoundError, KeyError, ValueError) as error:
        if data_dir is not None and not os.path.isdir(data_dir):
            raise FileNotFoundError(
                f"A folder of prepared data sets was expected. Received: data_dir={data_dir!r}, "
                "which does not exist."
            ) from error
        prepared = sorted(os.listdir(data_dir)) if data_dir else []
        known = set(prepared) | set(tfds.list_builders(with_community_datasets=False))
        raise ValueError(
            f"No TFDS data set of this name is known to TFDS or prepared in {where}. Received: "
            f"source='tfds:{name}'.{nearest(name.split('/')[0].split(':')[0], known)} "
            f"({_first_line(error)})"
        ) from error
    if not builder.info.splits:
        _prepare(builder, name, where)
    return builder


def _prepare(builder, name, where):
    try:
        builder.download_and_prepare()
    except Exception as error:  # Network, disk, licence and builder code fail in their own ways.
        raise RuntimeError(
            f"'tfds:{name}' is not prepared in {where}, and downloading it failed: "
            f"{_first_line(error)}. Without a network, prepare it elsewhere with "
            f"tfds.load({name!r}) and pass the folder that then holds it as data.data_dir."
        ) from error


def _first_line(error):
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip()[:200]}" if lines else type(error).__name__


def builder_from_folder(path):
    """The builder of a folder in TFDS layout, or of the newest version right below it.

    Raises:
        ValueError: if there is no `dataset_info.json` in either place.
    """
    import tensorflow_datasets as tfds

    versions = [name for name in os.listdir(path) if re.fullmatch(r"\d+\.\d+\.\d+", name)]
    versions.sort(key=lambda name: tuple(map(int, name.split("."))), reverse=True)
    for folder in [path] + [os.path.join(path, version) for version in versions]:
        if os.path.isfile(os.path.join(folder, "dataset_info.json")):
            return tfds.builder_from_directory(folder)
    raise ValueError(
        "A folder in TFDS layout (with dataset_info.json and features.json, or with a version such "
        f"as 1.0.0 that holds them) was expected. Received: source={path!r}. For a folder of image "
        f"files write 'folder:{path}'."
    )
