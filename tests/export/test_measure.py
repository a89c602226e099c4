"""What is measured of a file that is open, and of the Keras student."""

import numpy as np
import pytest
from batched import in_batches

from keras_kd.export import verify
from keras_kd.export.measure import compare, keras_logits, time_one_image
from keras_kd.export.runners import LiteRunner


def test_a_file_that_is_open_is_compared_alike(exported, images, truth):
    path = exported("float32")[0]
    result = compare(truth[0], LiteRunner(path), in_batches(images, truth[1]))
    assert result == verify(truth[0], path, in_batches(images, truth[1]))


def test_keras_logits_are_in_order(batch_norm_net, images, truth):
    logits, labels = keras_logits(batch_norm_net, in_batches(images, truth[1]))
    np.testing.assert_allclose(logits, truth[0], atol=1e-6)
    np.testing.assert_array_equal(labels, truth[1])
    assert keras_logits(batch_norm_net, [images])[1] is None


class Clock:
    """A runner whose inferences take 1, 2, 3, ... ms."""

    image_shape, threads = (2, 2, 1), 7

    def __init__(self):
        self.calls = 0

    def timed(self, image):
        assert image.shape == (1, 2, 2, 1) and np.abs(image).max() <= 1
        self.calls += 1
        return self.calls / 1000


def test_times_are_the_median_and_the_ninth_in_ten_after_the_warm_up():
    # Timed are 3, 4, ... 13 ms: the median is 8, nine in ten are within 12.
    assert time_one_image(Clock(), runs=11, warmup=2) == {
        "latency_ms": pytest.approx(8),
        "p90_ms": pytest.approx(12),
        "runs": 11,
        "threads": 7,
    }
    with pytest.raises(ValueError, match="Received: runs=5, warmup=-1"):
        time_one_image(Clock(), runs=5, warmup=-1)
