"""Fixtures of several tests of models."""

import pytest
from archive_server import serving


@pytest.fixture
def server(monkeypatch, tmp_path):
    """`archive_server.serving`, with an empty cache of Keras to fetch to."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with serving() as httpd:
        yield httpd
