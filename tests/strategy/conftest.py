"""Strategy tests: two virtual CPU devices, so they need a process that has not used any yet."""

import pytest

REPLICAS = 2


def pytest_collection_modifyitems(items):
    for item in items:
        if "strategy" in item.path.parts:
            item.add_marker(pytest.mark.strategy)
    # The longest file first, so that no process is left alone with it at the end.
    items.sort(key=lambda item: item.path.stem != "test_multi_worker")


@pytest.fixture(scope="session", autouse=True)
def two_devices():
    from keras_kd.distribution.replicas import virtual_cpus

    return virtual_cpus(REPLICAS)


@pytest.fixture
def make_strategy(two_devices):
    """A function from a number of replicas to a strategy over as many virtual devices."""
    from keras_kd.distribution.replicas import mirrored

    def make(replicas):
        return mirrored(two_devices[:replicas])

    return make


@pytest.fixture(scope="session")
def teacher(two_devices, tmp_path_factory):
    """Folder of a SavedModel of digits: a matrix of random numbers."""
    import numpy as np
    import tensorflow as tf

    class Logits(tf.Module):
        def __init__(self):
            super().__init__()
            kernel = np.random.default_rng(0).normal(size=(8 * 8, 10))
            self.kernel = tf.Variable(kernel.astype("float32"))

        @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 1], tf.float32)])
        def __call__(self, images):
            return tf.reshape(images, [-1, 8 * 8]) @ self.kernel

    path = str(tmp_path_factory.mktemp("teacher") / "saved")
    tf.saved_model.save(Logits(), path)
    return path
