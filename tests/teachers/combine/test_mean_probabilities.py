"""The mean of probabilities, also of softened ones; `test_ensemble` has the rest."""

import numpy as np
from scipy.special import softmax

from keras_kd.teachers import combine

LOGITS = (np.random.default_rng(0).normal(size=(2, 5, 4)) * 3).astype("float32")


def test_it_is_the_mean_at_its_temperature():
    one = combine.get("mean_probabilities", 2, weights=(1, 3), temperature=2.0)
    expected = np.tensordot([0.25, 0.75], softmax(LOGITS.astype("float64") / 2, axis=-1), 1)
    np.testing.assert_allclose(softmax(np.asarray(one(list(LOGITS))) / 2, -1), expected, atol=1e-6)


def test_the_settings_of_before_are_the_same_in_a_fingerprint():
    assert "temperature" not in combine.get("mean_probabilities", 2).get_config()
    assert combine.get("mean_probabilities", 2, temperature=2).get_config()["temperature"] == 2
