"""Targets meet their own examples, by id."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_fixed import SPLIT

from keras_kd.data import build_dataset, load_source
from keras_kd.teachers import FixedTargets


def test_each_example_of_a_batch_gets_its_own_target():
    source = load_source("digits")
    ids = source.split(SPLIT).ids
    targets = FixedTargets(ids[::-1], np.tile(ids[::-1, None], 10))
    data = build_dataset(source, SPLIT, "fix/cc", 8, 8, with_ids=True)
    for x, y in targets.join(data).take(9).as_numpy_iterator():
        np.testing.assert_array_equal(x["teacher_logits"], np.tile(x["id"][:, None], 10))
        assert sorted(x) == ["id", "student", "teacher_logits"] and y.shape == (8,)
    spec = targets.join(data).element_spec[0]["teacher_logits"]
    assert spec == tf.TensorSpec([8, 10], tf.float32)


def test_batches_without_ids_and_unknown_examples_are_refused():
    targets = FixedTargets([4, 2], np.zeros((2, 10)))
    with pytest.raises(ValueError, match=r"Make them with build_dataset\(\.\.\., with_ids=True\)"):
        targets.join(build_dataset("digits", SPLIT, "fix/cc", 8, 8))
    with pytest.raises(ValueError, match="a batch with id 3, which has none"):
        targets.of(np.array([2, 3, 4]))
