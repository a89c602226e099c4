"""What is timed: batches without an end."""

import itertools

import tensorflow as tf

from keras_kd.run.measuring import endless


def test_a_stream_that_ends_is_followed_by_the_next_one():
    asked = []

    def stream(start, stop):
        asked.append(start)
        # As a cache's, it may go on beyond the step for which it was asked to stop.
        return tf.data.Dataset.range(start, start + 5), start + 3

    steps = [int(step) for step in itertools.islice(endless(stream), 7)]
    assert steps == list(range(7)) and asked == [0, 3, 6]
