import keras
import numpy as np

from keras_kd import models
from keras_kd.models.lite_speed import lite_content
from keras_kd.run.search.bench import shaken


def test_a_file_is_as_large_as_that_of_a_network_that_has_learned():
    """Norms and biases that are alike are one buffer; those that learned are many."""
    student = models.build("resnet", 10, (8, 8, 1), depth=8, width=0.25)
    before, alike = student.get_weights(), len(lite_content(student))
    with shaken(student):
        measured = len(lite_content(student))
        assert all((a != b).all() for a, b in zip(before, student.get_weights()) if a.dtype != int)
    for one, other in zip(before, student.get_weights()):
        np.testing.assert_array_equal(one, other)
    rng = np.random.default_rng(1)
    student.set_weights([w + 0.3 * rng.uniform(size=w.shape) for w in before])
    assert alike < measured
    assert abs(measured - len(lite_content(student))) < 0.01 * measured


def test_counters_stay_whole():
    inputs = keras.Input((4,))
    network = keras.Model(inputs, keras.layers.Dropout(0.5, seed=3)(inputs))
    before = [np.array(w) for w in network.get_weights()]
    with shaken(network):
        for one, other in zip(before, network.get_weights()):
            np.testing.assert_array_equal(one, other)
