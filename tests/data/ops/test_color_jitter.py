"""Jittered colours: factors and orders by counts, the images by Pillow."""

import itertools

import numpy as np
import pillow_changes
import scipy.stats
import tensorflow as tf

from keras_kd.data import colors
from keras_kd.data.ops.color_jitter import ColorJitter
from keras_kd.data.random_streams import Stream

NAMES = ("brightness", "contrast", "color")


def draw(op, count=4000):
    stream = Stream(0, "student color_jitter", tf.constant(0, tf.int64))
    drawn = op.draw(np.full((count, 2), 8, np.int32), stream)
    return drawn["order"].numpy(), drawn["strength"].numpy()


def test_factors_are_uniform_about_one_and_not_below_nothing():
    _, strength = draw(ColorJitter(0.4, 1.5, 0.1, 0.2))
    for column, (low, high) in enumerate([(0.6, 1.4), (0.0, 2.5), (0.9, 1.1), (-0.2, 0.2)]):
        within = scipy.stats.uniform(low, high - low).cdf
        assert scipy.stats.kstest(strength[:, column], within).pvalue > 1e-3


def test_all_orders_are_as_probable():
    order, _ = draw(ColorJitter())
    found = [tuple(row) for row in order]
    counts = [found.count(one) for one in itertools.permutations(range(4))]
    assert sum(counts) == 4000 and scipy.stats.chisquare(counts).pvalue > 1e-3


def test_one_change_after_the_other_is_pillows():
    image = pillow_changes.photograph(20)
    strength = np.float32([0.7, 1.3, 1.4, 0.25])
    for order in ((0, 1, 2, 3), (2, 3, 0, 1)):
        drawn = {"order": tf.constant(order), "strength": tf.constant(strength)}
        want = image
        for which in order:  # a hue of 0 leaves hues alone, whatever was drawn
            if which < 3:
                want = pillow_changes.change(NAMES[which], want, float(strength[which]))
        got = ColorJitter().apply(tf.constant(image), drawn)
        pillow_changes.assert_close(got, want)


def test_hues_turn_where_they_are_asked_to():
    image = pillow_changes.photograph(20)
    drawn = {"order": tf.range(4), "strength": tf.constant([0.7, 1.3, 1.4, 0.25])}
    got = ColorJitter(0, 0, 0, 0.5).apply(tf.constant(image), drawn)
    np.testing.assert_array_equal(got, colors.hue(tf.constant(image), 0.25))
