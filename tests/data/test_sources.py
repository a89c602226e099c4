"""From a name to a source, and what is no name of one."""

import pytest

from keras_kd.data import load_source


@pytest.mark.parametrize(
    "name,error,message",
    [
        (
            "digit",
            ValueError,
            r"tfds:NAME.*folder:PATH.*Received: source='digit'\. Did you mean 'dig",
        ),
        ("folders:x", ValueError, r"Did you mean 'folder:'\?"),
        ("tfds:", ValueError, "A source must be digits"),
        ("", ValueError, "A source must be digits"),
        (None, ValueError, "A source must be digits"),
        ("folder:/no/such/place", FileNotFoundError, r"Received: folder='/no/such/place'"),
        ("/no/such/place", FileNotFoundError, r"Received: source='/no/such/place'"),
    ],
)
def test_unknown_names(name, error, message):
    with pytest.raises(error, match=message):
        load_source(name)


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "1%", None, float("nan")])
def test_bad_allow_bad(value):
    with pytest.raises(
        ValueError, match=r"data.allow_bad must be a fraction in \[0, 1\]. Received"
    ):
        load_source("digits", allow_bad=value)
