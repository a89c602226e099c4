"""Random greys: how many, and Pillow's."""

import numpy as np
import pillow_changes
import scipy.stats
import tensorflow as tf
from PIL import Image

from keras_kd.data.ops.grayscale import Grayscale
from keras_kd.data.random_streams import Stream


def test_a_fifth_of_the_images_lose_their_colours():
    sizes = np.full((5000, 2), 8, np.int32)
    drawn = Grayscale().draw(sizes, Stream(0, "student grayscale", tf.constant(0, tf.int64)))
    assert scipy.stats.binomtest(int(np.sum(drawn)), 5000, 0.2).pvalue > 1e-3
    for probability in (0, 1):
        op = Grayscale(probability)
        drawn = op.draw(sizes, Stream(0, "student grayscale", tf.constant(0, tf.int64)))
        assert np.all(drawn.numpy() == bool(probability))


def test_it_is_pillows_luma():
    image = pillow_changes.photograph(11)
    want = np.asarray(Image.fromarray(image).convert("L").convert("RGB"))
    np.testing.assert_array_equal(Grayscale().apply(tf.constant(image), tf.constant(True)), want)
    np.testing.assert_array_equal(Grayscale().apply(tf.constant(image), tf.constant(False)), image)
