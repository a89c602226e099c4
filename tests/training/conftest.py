"""A stage that nothing disturbed, to compare with; and signals as a shell in front gets them."""

import signal

import pytest
from stoppable_stage import train
from tiny_stage import outcome


@pytest.fixture(autouse=True)
def attentive():
    """A shell's background jobs ignore SIGINT; these tests do not, wherever they are started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    result, _ = train(folder)
    return result, outcome(folder)
