"""Sources without an image."""

import numpy as np
import pytest

import keras_kd
from keras_kd.data.ids_only import EPOCH, IdsOnly


def test_a_text_names_classes_side_and_channels():
    source = keras_kd.data.load_source("none:10,8,1")
    assert (source.num_classes, source.side, source.channels) == (10, 8, 1)
    assert source.counts == {"train": EPOCH}
    assert set(source.split("train[:7]").labels) == {-1}


@pytest.mark.parametrize("text", ["none:", "none:10", "none:10,8", "none:10,8,2", "none:a,8,1"])
def test_a_text_that_names_less_is_refused(text):
    with pytest.raises(ValueError, match=r"Received: source='none:.*none:10,32,3"):
        keras_kd.data.load_source(text)


def ids(source, steps, start=0, **options):
    found = keras_kd.data.build_dataset(
        source, "train", "same/ic", 6, 8, seed=4, start_step=start, **options
    )
    return np.array([x["id"].numpy() for x, _ in found.take(steps)])


def test_batches_hold_ids_alone_and_go_on_from_any_step():
    source = IdsOnly("x", ["a"], 1, {"train": 20}, 8)
    whole = ids(source, 10)
    assert sorted(whole.ravel()[:20]) == list(range(20))  # an epoch is a permutation
    np.testing.assert_array_equal(ids(source, 4, start=6), whole[6:])
    parts = [ids(source, 10, worker_index=each, num_workers=2) for each in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_ids_stand_where_those_of_a_data_set_would():
    digits = keras_kd.data.load_source("digits")
    bare = IdsOnly.instead_of(digits, 8)
    assert bare.split("train").num_examples == digits.split("train").num_examples
    assert bare.class_names == digits.class_names and bare.split("train").store is None
