"""The order of the examples: a permutation an epoch, uniform, the same wherever a batch begins."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data.random_streams import batch_ranks, epoch_positions


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_order_is_a_permutation_of_every_epoch(count):
    epochs = np.stack(
        [
            epoch_positions(tf.range(e * count, (e + 1) * count, dtype=tf.int64), count, 3).numpy()
            for e in range(12)
        ]
    )
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(count), (12, 1)))
    if count == 50:
        assert len(np.unique(epochs, axis=0)) == 12


def test_order_does_not_depend_on_where_a_batch_begins():
    ranks = tf.range(95, 105, dtype=tf.int64)  # Meets the epochs 1 and 2 of 50 examples each.
    whole = epoch_positions(ranks, 50, 3).numpy()
    halves = [epoch_positions(part, 50, 3).numpy() for part in (ranks[:5], ranks[5:])]
    np.testing.assert_array_equal(whole, np.concatenate(halves))


@pytest.mark.parametrize(("size", "repeats"), [(12, 1), (12, 3), (13, 3), (1024, 3), (4, 4)])
def test_each_example_stands_in_its_batch_as_often_as_asked(size, repeats):
    different = -(-size // repeats)
    for step in (0, 5):
        ranks = batch_ranks(tf.constant(step, tf.int64), size, repeats).numpy()
        values, counts = np.unique(ranks, return_counts=True)
        np.testing.assert_array_equal(values, step * different + np.arange(different))
        assert counts.max() == repeats and (counts < repeats).sum() <= different * repeats - size
        if different > 1:
            assert (np.diff(ranks) != 0).all(), "an image would be mixed with its like"
    if repeats == 1:
        np.testing.assert_array_equal(ranks, 5 * size + np.arange(size))


def test_order_is_uniform_and_does_not_repeat_after_many_epochs():
    """A kernel seeded by counting up knows 256 permutations only; long schedules need thousands."""
    count, epochs = 30, 800

    def epoch(e):
        return epoch_positions(e * count + tf.range(count, dtype=tf.int64), count, 0)

    data = tf.data.Dataset.range(epochs).map(epoch).batch(epochs)
    orders = next(data.as_numpy_iterator())
    assert len(np.unique(orders, axis=0)) == epochs
    table = np.stack([np.bincount(orders[:, i], minlength=count) for i in range(count)])
    statistic = ((table - epochs / count) ** 2 / (epochs / count)).sum()
    assert scipy.stats.chi2.sf(statistic, (count - 1) ** 2) > 1e-4
    neighbours = (np.diff(orders, axis=1) == 1).mean() * count
    assert abs(neighbours - (count - 1) / count) < 0.1  # Expected (N-1)/(N(N-1)) a place.
