"""A schedule whose steps last longer."""

import numpy as np

from keras_kd import optimizers


def test_every_rate_comes_as_often_and_survives_saving():
    cosine = optimizers.WarmupCosine(0.1, 10, 2)
    slowed = optimizers.Slowed(cosine, 3)
    expected = np.repeat([float(cosine(step)) for step in range(10)], 3)
    optimizer = optimizers.AdamW(slowed, weight_decay=0.1)
    again = optimizers.AdamW.from_config(optimizer.get_config())
    for schedule in (slowed, again._learning_rate):
        np.testing.assert_allclose([float(schedule(s)) for s in range(30)], expected, atol=1e-8)
    assert again._peak == 0.1
