import numpy as np
from shrunk import residual

from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.sizes import CHANNEL_BYTES, FILE_BYTES, LAYER_BYTES, int8_bytes


def test_bytes_are_those_of_kernels_and_of_what_their_channels_need():
    network = follow(calls_of(residual()))
    kernels, channels = 27 * 8 + 9 * 8 * 6 + 9 * 6 * 8 + 8 * 3, 8 + 6 + 8 + 3
    expected = FILE_BYTES + kernels + channels * CHANNEL_BYTES + 4 * LAYER_BYTES
    assert int8_bytes(network, np.ones(network.groups.count, bool)) == expected
