"""Signal to noise, largest error and clipped values, by hand."""

import numpy as np
import pytest

from keras_kd.export.explain.errors import QUIETEST, _Sums, layer_errors


def test_the_figures_are_those_of_their_definitions():
    sums = _Sums()
    floats, integers = np.array([3.0, -4.0, 0.0, 9.0]), np.array([3.5, -4.0, 0.5, 6.0])
    sums.add(floats[:2], integers[:2], [-6.0, 6.0], 0.5)
    sums.add(floats[2:], integers[2:], [-6.0, 6.0], 0.5)
    one = sums.told("x")
    assert one.sqnr_db == pytest.approx(10 * np.log10(106 / 9.5))
    assert one.largest == 3.0 and one.clipped == 0.25  # 9 lies beyond 6.25


def test_the_ends_of_the_scale():
    exact, silent, none = _Sums(), _Sums(), _Sums()
    exact.add(np.ones(2), np.ones(2), [-2, 2], 0.1)
    silent.add(np.zeros(2), np.ones(2), [-2, 2], 0.1)
    none.add(np.array([np.inf, 1.0]), np.ones(2), [-2, 2], 0.1)
    assert exact.told("x").sqnr_db == QUIETEST and silent.told("x").sqnr_db == -QUIETEST
    assert none.told("x").clipped == 0.5


def test_rounding_alone_is_six_decibels_a_bit(batch_norm_net, images):
    """Widrow: 6.02 * 8 + 1.76 = 49.9 dB of a sine that fills its range."""
    from keras_kd.export import formats

    measured, _ = formats.get("int8").measured(batch_norm_net, None, images, "logits")
    found = layer_errors(measured, images, lambda name: name)
    assert all(40 < one.sqnr_db < 60 for one in found)
    assert all(one.clipped <= 1 / 48 for one in found)  # one of the 48 answers is at the end
