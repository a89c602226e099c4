"""The split syntax, against TFDS's own reading of it."""

import pytest
import tensorflow_datasets as tfds

from keras_kd.data.splits import resolve_split

COUNTS = {"train": 1297, "test": 500, "validation": 50}


@pytest.mark.parametrize(
    "spec",
    [
        "train",
        "train[:90%]",
        "train[10%:20%]",
        "train[90%:]",
        "train[:100]",
        "train[-100:]",
        "train[-10%:]",
        "validation[:1%]+test",
        "validation[1%:]",
        "train[:33%]+validation[33%:66%]",
        "test[5:-5]",
    ],
)
def test_same_ranges_as_tfds(spec):
    infos = {
        name: tfds.core.SplitInfo(name=name, shard_lengths=[count], num_bytes=0)
        for name, count in COUNTS.items()
    }
    theirs = tfds.core.ReadInstruction.from_spec(spec).to_absolute(infos)
    want = [
        (p.splitname, p.from_ or 0, COUNTS[p.splitname] if p.to is None else p.to) for p in theirs
    ]
    assert resolve_split(spec, COUNTS) == [part for part in want if part[1] < part[2]]


@pytest.mark.parametrize(
    "spec,message",
    [
        ("trian", r"has the splits .*Received: split='trian'\. Did you mean 'train'\?"),
        (
            "train[:0]",
            r"selects no images. Received: split='train\[:0\]'; the source holds train=1297",
        ),
        ("train[50%:50%]", "selects no images"),
        ("train[:150%]", r"percentage in a split must lie in \[-100, 100\]"),
        ("train[", "must look like"),
        ("train+", "must look like"),
        ("", "non-empty string"),
        (None, "non-empty string"),
    ],
)
def test_errors(spec, message):
    with pytest.raises(ValueError, match=message):
        resolve_split(spec, COUNTS)
