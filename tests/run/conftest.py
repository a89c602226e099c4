"""One finished run for all tests of this folder: they read it, or work on a copy."""

import pytest
from tiny_run import tiny_run

from keras_kd.run import run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """(report, workdir) of `tiny_run()`, which nothing disturbed. Left as it is."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    return run(tiny_run(), workdir), workdir
