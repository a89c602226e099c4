"""The quadratic schedule, under which the paper trains by Shampoo, against its closed form."""

import keras
import numpy as np
import pytest

from keras_kd.optimizers import Spliced, WarmupQuadratic, make_schedule


def closed_form(step, peak, total, warmup):
    """Up a straight line, then down a parabola that ends flat, at 0."""
    if step < warmup:
        return peak * step / warmup
    return peak * (max(total - step, 0) / (total - warmup)) ** 2


@pytest.mark.parametrize(("total", "warmup"), [(30_000, 1_800), (10, 0), (7, 6)])
def test_every_corner(total, warmup):
    schedule = make_schedule("quadratic", 0.03, total, warmup)
    around = {corner + d for corner in (0, warmup, total) for d in (-1, 0, 1)}
    steps = sorted({*around, *range(0, total, max(total // 50, 1))} - {-1})
    expected = [closed_form(step, 0.03, total, warmup) for step in steps]
    rates = [float(schedule(step)) for step in steps]
    # A step's number is a float32: relative to the peak it is known to 1e-6.
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=3e-8)
    assert schedule.peak_learning_rate == 0.03


def test_half_way_a_quarter_is_left():
    assert float(WarmupQuadratic(2.0, 110, 10)(60)) == pytest.approx(0.5)


def test_it_survives_its_config_alone_and_spliced():
    alone = WarmupQuadratic(0.5, 10, 2)
    for schedule in (alone, Spliced([alone, WarmupQuadratic(0.5, 8, 1)], [0, 10], [0, 10])):
        config = keras.optimizers.schedules.serialize(schedule)
        again = keras.optimizers.schedules.deserialize(config)
        assert [float(again(s)) for s in range(19)] == [float(schedule(s)) for s in range(19)]


def test_impossible_lengths():
    with pytest.raises(ValueError, match=r"warm-up must be shorter.*warmup_steps=10"):
        make_schedule("quadratic", 0.1, 10, 10)
    with pytest.raises(ValueError, match="Did you mean 'quadratic'"):
        make_schedule("quadratc", 0.1, 10)
