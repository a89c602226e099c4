"""One channel for all."""

import numpy as np
import pytest

from keras_kd.data.ops.channel import Channel


def test_it_stands_in_the_place_of_all():
    image = np.random.default_rng(0).uniform(-1, 1, (4, 5, 3)).astype("float32")
    got = Channel(2).apply(image, ())
    np.testing.assert_array_equal(got, np.stack([image[..., 2]] * 3, -1))
    np.testing.assert_array_equal(Channel(2).apply(image[..., :1], ()), image[..., :1])


def test_half_a_channel_is_refused():
    with pytest.raises(ValueError, match=r"a whole number, 0, 1 or 2\. Received: index=0\.5"):
        Channel(0.5)
