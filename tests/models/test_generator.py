"""The generator's size, range and the errors of its arguments."""

import numpy as np
import pytest

from keras_kd.models.generator import generator


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (30, 21, 3)])
def test_images_of_any_size_in_range(shape):
    rng = np.random.default_rng(0)
    model = generator(shape, noise=5, width=4)
    images = model(rng.normal(size=(3, 5)), training=True).numpy()
    assert images.shape == (3, *shape) and np.abs(images).max() <= 1.0
    assert images.std(axis=0).max() > 1e-3  # other noise, another image


def test_parameter_count():
    """Of 8 px, 10 numbers, width 4, grey, by hand."""
    dense, norm = 10 * 2 * 2 * 8 + 2 * 2 * 8, 4 * 8
    first, last = 9 * 8 * 8 + 8 + 4 * 8, 9 * 8 * 4 + 4 + 4 * 4
    model = generator((8, 8, 1), noise=10, width=4)
    assert model.count_params() == dense + norm + first + last + 9 * 4 * 1 + 1


def test_unknown_sizes_are_refused():
    with pytest.raises(ValueError, match="output_shape: height"):
        generator((None, None, 3))
    with pytest.raises(ValueError, match="noise must be"):
        generator((8, 8, 3), noise=0)
