"""The mixing of a decoded group: who is whose partner."""

import numpy as np
import pytest

from keras_kd.data import build_dataset, load_source
from keras_kd.data.views import Views


@pytest.mark.parametrize("size", [3, 4, 7, 8])
def test_no_pair_is_mixed_twice(size):
    """Each image's partner, taken out of the mixed one, is the image of the row before."""
    source = load_source("digits")
    plain, mixed = (
        next(iter(build_dataset(source, "train", mode, size, 8)))[0].numpy()
        for mode in ("same/ic", "mix")
    )
    share = float(Views.of_mode("mix").draw_mix(0, 0))
    partners = (mixed - share * plain) / (1 - share)
    gaps = np.abs(partners[:, None] - plain).max((2, 3, 4))
    assert (gaps.min(1) < 1e-4).all()
    np.testing.assert_array_equal(gaps.argmin(1), [size - 1, *range(size - 1)])
    assert len({frozenset(pair) for pair in enumerate(gaps.argmin(1).tolist())}) == size
