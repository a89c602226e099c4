"""Strategy tests: two virtual CPU devices, so they need a process that has not used any yet."""

import pytest

REPLICAS = 2


def pytest_collection_modifyitems(items):
    for item in items:
        if "strategy" in item.path.parts:
            item.add_marker(pytest.mark.strategy)


@pytest.fixture(scope="session", autouse=True)
def two_devices():
    from keras_kd.distribute import virtual_cpus

    return virtual_cpus(REPLICAS)


@pytest.fixture
def make_strategy(two_devices):
    """A function from a number of replicas to a strategy over as many virtual devices."""
    from keras_kd.distribute import mirrored

    def make(replicas):
        return mirrored(two_devices[:replicas])

    return make
