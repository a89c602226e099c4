"""A small network with norms that are not trivial."""

import pytest
from frozen_networks import NETWORKS, randomized


@pytest.fixture
def small():
    return randomized(NETWORKS["resnet"]())
