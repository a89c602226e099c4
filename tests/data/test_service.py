"""A tf.data service without its servers, which tests/strategy/test_data_service.py starts."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd import data
from keras_kd.data import service
from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.paths import Paths
from keras_kd.data.service import PortableRanges


def test_what_is_lost_is_made_here_and_what_overtakes_waits():
    made_here = []

    def build(start_step, num_steps):
        made_here.append((start_step, num_steps))
        return tf.data.Dataset.from_tensors(start_step)

    # Step 4 is lost; 7 comes before 5; 3 is from before the start.
    late = [3, 7, 5, 6, *range(8, 8 + 2 * service.AHEAD)]
    ordered = list(service.in_order(((step, step) for step in late), 4, build))
    assert [int(step) for step in ordered] == list(range(4, 8 + 2 * service.AHEAD))
    assert made_here == [(4, 1)]


def test_large_batches_wait_in_smaller_numbers():
    made_here = []

    def build(start_step, num_steps):
        made_here.append(start_step)
        return tf.data.Dataset.from_tensors(start_step)

    made = iter([(1, 1), (2, 2), (3, 3)])
    ordered = service.in_order(made, 0, build, ahead=2)
    assert int(next(ordered)) == 0 and made_here == [0]
    assert list(made) == [], "the third one that overtook was one too many"


@pytest.mark.parametrize("wrong", ["localhost:5050", "grpc://localhost", "grpc://:5050", ""])
def test_an_address_has_one_form(wrong):
    with pytest.raises(ValueError, match="form grpc://host:port"):
        service.build_dataset(wrong, "digits", "train", "mix", 8, 8)


def test_nobody_listens():
    with pytest.raises(OSError, match=r"must listen at grpc://127\.0\.0\.1:1 "):
        service.build_dataset("grpc://127.0.0.1:1", "digits", "train", "mix", 8, 8)


def test_data_that_only_python_can_read_are_refused():
    source = data.load_source("digits")
    examples = source.split("train")
    source._cache["train"] = type(examples)(**{**vars(examples), "store": object()})
    with pytest.raises(ValueError, match="digits, whose images are held by object"):
        service.Portable(source).split("train")


def test_only_files_in_use_are_looked_at_by_a_service(tmp_path):
    """A split's ranges know the files of all splits; those of the others may be gone."""
    for name in "abc":
        (tmp_path / name).write_bytes(b"<%s>" % name.encode())
    paths = Paths(str(tmp_path), ["a", "missing", "c", "b"])
    ranges = ByteRanges(paths, [3, 0, 2, 0], [(0, 3), (1, 1), (1, 2), (0, 1)])
    assert ranges.used().tolist() == [0, 2, 3]
    positions = np.arange(4)
    expected = [b"<b>", b"a", b"c>", b"<"]
    assert ranges.fetch(positions).numpy().tolist() == expected
    assert PortableRanges(ranges).fetch(positions).numpy().tolist() == expected
