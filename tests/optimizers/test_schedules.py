"""Schedules against their closed forms, and BiT's own loop written in plain Python."""

import keras
import numpy as np
import pytest

from keras_kd.optimizers import (
    Spliced,
    WarmupCosine,
    WarmupQuadratic,
    WarmupStaircase,
    build,
    make_schedule,
)


def test_the_cosine_at_its_corners():
    schedule = WarmupCosine(2.0, total_steps=110, warmup_steps=10)
    values = {step: float(schedule(step)) for step in (0, 5, 10, 60, 110, 500)}
    expected = {0: 0.0, 5: 1.0, 10: 2.0, 60: 1.0, 110: 0.0, 500: 0.0}
    assert values == pytest.approx(expected, abs=1e-6)
    assert float(WarmupCosine(2.0, 10)(0)) == 2.0


def test_a_cosine_between_two_rates_in_float64():
    """Up a line from the first rate, down half a cosine to the last one."""
    first, peak, last, total, warmup = 1e-4, 2e-3, 1e-6, 300, 5
    schedule = WarmupCosine(peak, total, warmup, first_rate=first, last_rate=last)
    for step in (0, 1, 4, 5, 6, 100, 299, 300, 400):
        along = min(max(step - warmup, 0) / (total - warmup), 1)
        want = last + (peak - last) * 0.5 * (1 + np.cos(np.pi * along))
        want = first + (peak - first) * step / warmup if step < warmup else want
        # The cosine is a float32: relative to the peak it is known to 1e-6.
        assert float(schedule(step)) == pytest.approx(want, rel=1e-5, abs=1e-6 * peak), step
    again = WarmupCosine.from_config(schedule.get_config())
    assert float(again(0)) == pytest.approx(first) and float(again(300)) == pytest.approx(last)
    quadratic = WarmupQuadratic(1.0, 10, 0, last_rate=0.1)
    assert [float(quadratic(s)) for s in (0, 5, 10)] == pytest.approx([1.0, 0.325, 0.1])
    with pytest.raises(ValueError, match="last_rate must be at least 0 and at most the peak"):
        WarmupCosine(1.0, 10, last_rate=2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.0, 10), "above 0"), ((0.1, 10, 10), "shorter than the run"), ((0.1, 0), "shorter")],
)
def test_impossible_cosines_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WarmupCosine(*arguments)


def closed_form(step, peak, total, warmup):
    """Up a straight line, then down a parabola that ends flat, at 0."""
    if step < warmup:
        return peak * step / warmup
    return peak * (max(total - step, 0) / (total - warmup)) ** 2


@pytest.mark.parametrize(("total", "warmup"), [(30_000, 1_800), (10, 0), (7, 6)])
def test_the_quadratic_at_every_corner(total, warmup):
    schedule = make_schedule("quadratic", 0.03, total, warmup)
    around = {corner + d for corner in (0, warmup, total) for d in (-1, 0, 1)}
    steps = sorted({*around, *range(0, total, max(total // 50, 1))} - {-1})
    expected = [closed_form(step, 0.03, total, warmup) for step in steps]
    rates = [float(schedule(step)) for step in steps]
    # A step's number is a float32: relative to the peak it is known to 1e-6.
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=3e-8)
    assert schedule.peak_learning_rate == 0.03


def test_half_way_down_the_quadratic_a_quarter_is_left():
    assert float(WarmupQuadratic(2.0, 110, 10)(60)) == pytest.approx(0.5)


def test_the_quadratic_survives_its_config_alone_and_spliced():
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


def published_rate(step, supports, rate=0.003):
    """The rate of a step as big_transfer's bit_hyperrule.py defines it."""
    if step < supports[0]:
        return rate * step / supports[0]
    for boundary in supports[1:]:
        if boundary < step:
            rate /= 10
    return rate


@pytest.mark.parametrize(
    "supports",
    [
        (100, 200, 300, 400, 500),
        (500, 3_000, 6_000, 9_000, 10_000),
        (500, 6_000, 12_000, 18_000, 20_000),
    ],
    ids=["small", "medium", "large"],
)
def test_the_staircase_is_bits_own_around_every_boundary(supports):
    warmup, *decay_at, total = supports
    schedule = WarmupStaircase(0.003, total, warmup, decay_at)
    around = {b + d for b in (0, *supports) for d in (-1, 0, 1, 2)}
    steps = sorted(step for step in {*around, *range(0, total, 97)} if 0 <= step < total)
    rates = [float(schedule(step)) for step in steps]
    np.testing.assert_allclose(rates, [published_rate(s, supports) for s in steps], rtol=1e-6)
    assert rates[0] == 0.0 and max(rates) == pytest.approx(0.003)


def test_without_boundaries_the_rate_stays():
    schedule = WarmupStaircase(0.5, 10)
    assert [float(schedule(step)) for step in (0, 5, 9)] == [0.5, 0.5, 0.5]


def test_the_staircase_survives_its_config():
    schedule = WarmupStaircase(0.5, 10, 2, (4, 8))
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert [float(again(s)) for s in range(10)] == [float(schedule(s)) for s in range(10)]


def test_momentum_0_9_under_the_staircase():
    """Two steps of SGD with momentum, by hand: v = 0.9 v - lr g, w += v."""
    optimizer = build("sgd", make_schedule("staircase", 0.1, 4, decay_at=(0,)))
    assert not optimizer.nesterov
    weight, gradient = keras.Variable([1.0]), np.float32([2.0])
    velocity, expected = 0.0, 1.0
    for rate in (0.1, 0.01):  # the step of the boundary is the last at the old rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
        velocity = 0.9 * velocity - rate * 2.0
        expected += velocity
        np.testing.assert_allclose(weight.numpy(), [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_steps": 10}, "warm-up must be shorter.*warmup_steps=10, total_steps=10"),
        ({"decay_at": (6, 3)}, r"steps in order.*decay_at=\[6, 3\]"),
        ({"decay_at": (3, 11)}, r"end of the run.*decay_at=\[3, 11\]"),
        ({"warmup_steps": 5, "decay_at": (3,)}, "before the end of the warm-up"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"name": "stair"}, "cosine, quadratic, staircase.*Did you mean 'staircase'"),
    ],
    ids=["warm-up", "order", "late", "early", "rate", "name"],
)
def test_impossible_staircases(arguments, message):
    arguments = {"learning_rate": 0.1, "name": "staircase", "total_steps": 10} | arguments
    with pytest.raises(ValueError, match=message):
        make_schedule(**arguments)
