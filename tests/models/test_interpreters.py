"""Interpreters of one network: one a shape, the last used kept."""

import numpy as np
import pytest
from tflite_files import network, write

from keras_kd.models.interpreters import Interpreters


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("lite") / "a.tflite", network())
    with open(path, "rb") as file:
        return file.read()


def test_the_last_used_stay(content):
    interpreters = Interpreters(content)
    opened = {}
    for count in (1, 2, 3, 1, 4, 1):
        with interpreters.of((count, 8, 8, 3)) as interpreter:
            details = interpreter.get_input_details()[0]
            assert tuple(details["shape"]) == (count, 8, 8, 3)
            interpreter.set_tensor(details["index"], np.zeros((count, 8, 8, 3), np.float32))
            interpreter.invoke()
            assert opened.setdefault(count, interpreter) is interpreter
    with interpreters.of((2, 8, 8, 3)) as interpreter:  # the longest unused was let go
        assert interpreter is not opened[2]


def test_what_fails_is_raised_and_others_go_on(content):
    interpreters = Interpreters(content)
    with pytest.raises((ValueError, RuntimeError)), interpreters.of((1, 2, 2, 3)):
        pass
    with interpreters.of() as interpreter:
        assert tuple(interpreter.get_input_details()[0]["shape"])[1:] == (8, 8, 3)
