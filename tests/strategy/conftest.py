"""Strategy tests: two virtual CPU devices, so they need a process that has not used any yet."""

import pytest
import tensorflow as tf

REPLICAS = 2


def pytest_collection_modifyitems(items):
    for item in items:
        if "strategy" in item.path.parts:
            item.add_marker(pytest.mark.strategy)


@pytest.fixture(scope="session", autouse=True)
def two_devices():
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration() for _ in range(REPLICAS)]
    tf.config.set_logical_device_configuration(cpu, devices)


@pytest.fixture
def make_strategy(two_devices):
    """A function from a number of replicas to a strategy over as many virtual devices."""
    from keras_kd.distribute import mirrored

    def make(replicas):
        return mirrored([f"CPU:{i}" for i in range(replicas)])

    return make
