import keras
import pytest
import tensorflow as tf

from keras_kd.run.latencies import Latencies


def network(width, seed):
    images = keras.Input((8, 8, 3))
    kernel = keras.initializers.RandomNormal(seed=seed)
    return keras.Model(images, keras.layers.Conv2D(width, 3, kernel_initializer=kernel)(images))


class Measured:
    """Says another time whenever it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, model):
        self.asked += 1
        return 0.5 + self.asked


def test_a_network_is_measured_once_whatever_its_weights(tmp_path):
    path, measure = tmp_path / "latencies.json", Measured()
    first = Latencies(path, tf.distribute.get_strategy(), measure)
    assert [first(network(2, 0)), first(network(2, 1)), first(network(3, 0))] == [1.5, 1.5, 2.5]
    again = Latencies(path, tf.distribute.get_strategy(), measure)  # a later start
    assert [again(network(3, 2)), again(network(2, 2))] == [2.5, 1.5]
    assert measure.asked == 2


def test_without_a_folder_too():
    measure = Measured()
    latencies = Latencies(None, tf.distribute.get_strategy(), measure)
    assert latencies(network(2, 0)) == latencies(network(2, 0)) == 1.5


def test_a_damaged_file(tmp_path):
    path = tmp_path / "latencies.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"latencies\.json is not valid JSON"):
        Latencies(path, tf.distribute.get_strategy(), Measured())(network(2, 0))
