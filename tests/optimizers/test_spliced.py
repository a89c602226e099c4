"""Schedules that take over from one another."""

import numpy as np
import pytest

from keras_kd import optimizers

PEAK = 0.1


def cosine(steps, length, warmup):
    steps = np.asarray(steps, "float64")
    progress = np.clip((steps - warmup) / (length - warmup), 0, 1)
    return PEAK * np.minimum(steps / warmup, 1) * 0.5 * (1 + np.cos(np.pi * progress))


def test_a_spliced_schedule_survives_saving_and_keeps_the_peak():
    schedule = optimizers.Spliced(
        [optimizers.WarmupCosine(PEAK, 14, 1), optimizers.WarmupCosine(PEAK, 10, 2)],
        since=[0, 14],
        starts=[0, 14],
    )
    optimizer = optimizers.AdamW(schedule, weight_decay=0.1)
    again = optimizers.AdamW.from_config(optimizer.get_config())
    steps = np.arange(26)
    expected = [*cosine(range(14), 14, 1), *cosine(range(12), 10, 2)]
    for each in (schedule, again._learning_rate):
        np.testing.assert_allclose([float(each(step)) for step in steps], expected, atol=1e-8)
    assert again._peak == PEAK


@pytest.mark.parametrize(("since", "starts"), [([1, 14], [0, 14]), ([0, 0], [0, 14]), ([0], [0])])
def test_a_schedule_that_cannot_be_spliced_is_refused(since, starts):
    pieces = [optimizers.WarmupCosine(PEAK, 14), optimizers.WarmupCosine(PEAK, 10)]
    with pytest.raises(ValueError, match="rising from 0"):
        optimizers.Spliced(pieces, since, starts)
