"""Rows of examples: found by id, written once each, refused where there are none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.methods import CRD, PSKD
from keras_kd.methods.by_example import last_of_each, write


def test_rows_count_from_the_first_id():
    method = PSKD(num_examples=4, first_id=10)
    np.testing.assert_array_equal(method.rows({"id": tf.constant([13, 10])}), [3, 0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Every id must lie in"):
        method.rows({"id": tf.constant([14])})


def test_the_last_of_equal_rows_is_found_and_written():
    rows = tf.constant([2, 0, 2, 1])
    last = last_of_each(rows)
    np.testing.assert_array_equal(last, [2, 1, 2, 3])
    bank = keras.Variable(np.zeros((3, 1), "float32"), trainable=False)
    write(bank, rows, tf.gather(tf.constant([[5.0], [6.0], [7.0], [8.0]]), last))
    np.testing.assert_array_equal(bank.numpy(), [[6.0], [8.0], [7.0]])


@pytest.mark.parametrize("method", [CRD, PSKD])
def test_what_has_no_row_is_told_in_the_methods_name(method):
    with pytest.raises(ValueError, match=f"{method.__name__} keeps a bank.*num_examples=1"):
        method(num_examples=1)
    with pytest.raises(ValueError, match=rf"{method.__name__}'s bank.*first_id=3, num_examples=2"):
        method(num_examples=2).check_examples(np.array([3, 4]))
