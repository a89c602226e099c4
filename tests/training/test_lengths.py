"""The lengths of a stage in steps, and the schedule that follows from them."""

import numpy as np
import pytest

from keras_kd.config import stage
from keras_kd.training.lengths import Lengths, make_optimizer, steps_to_keep


@pytest.mark.parametrize(
    ("several", "total", "interval", "warmup"), [(1, 25, 3, 2), (4, 28, 4, 2), (10, 30, 10, 2)]
)
def test_a_stage_and_its_intervals_are_whole_executions(several, total, interval, warmup):
    """25 steps of 8 are 200 examples; a tenth of the stage is rounded up, as is its warm-up."""
    settings = stage(total="200 examples", interval="10 percent", warmup="5 percent")
    lengths = Lengths(64, 8, several)
    assert lengths.total(settings) == lengths.total_of("25 steps") == total
    assert (lengths.interval(settings), lengths.warmup(settings)) == (interval, warmup)
    assert lengths.whole_executions(0) == several


def test_the_rate_falls_at_the_stairs_in_steps_of_this_stage():
    settings = stage(
        total="20 steps", warmup="2 steps", learning_rate=0.5, schedule="staircase",
        decay_at=("50 percent", "15 steps"), optimizer="sgd", weight_decay=0.0, clip=0.0,
    )  # fmt: skip
    schedule = make_optimizer(settings, Lengths(64, 8))._learning_rate
    found = [float(schedule(step)) for step in (2, 10, 11, 15, 16, 19)]
    np.testing.assert_allclose(found, [0.5, 0.5, 0.05, 0.05, 0.005, 0.005], rtol=1e-5)


def test_a_warm_up_longer_than_the_stage_is_refused():
    with pytest.raises(ValueError, match="The warm-up must be shorter"):
        make_optimizer(stage(total="4 steps", warmup="5 steps"), Lengths(64, 8))


def test_steps_to_keep_are_whole_executions_within_the_stage():
    settings = stage(total="14 steps", warmup="1 steps")
    keep = steps_to_keep
    assert keep(("3 steps", "100%", "3 steps"), settings, Lengths(64, 8)) == [3, 14]
    assert keep(("3 steps", "100%"), settings, Lengths(64, 8, 4)) == [4, 16]
    for length in ("15 steps", "0 steps"):
        with pytest.raises(ValueError, match=rf"keep_at.* 14 steps.*Received: '{length}'"):
            keep((length,), settings, Lengths(64, 8))
