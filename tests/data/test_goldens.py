"""Every mode's batches, to the bit, as they were before views became lists of image ops."""

import importlib.util
import json
from pathlib import Path

import pytest

from keras_kd.data import jpeg

HOME = Path(__file__).parent / "goldens"
# Written by goldens/make_batches.py at commit ae4715b with tensorflow 2.21.
GOLDEN = json.loads((HOME / "batches.json").read_text())


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_batches", HOME / "make_batches.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cases(maker):
    return maker.cases(HOME / "photos")


def test_every_case_has_its_golden(cases):
    assert list(cases) == list(GOLDEN)


@pytest.mark.parametrize("name", list(GOLDEN))
def test_batches_are_what_they_were_to_the_bit(maker, cases, name, monkeypatch):
    monkeypatch.setattr(jpeg, "DCT", "")  # the goldens' decoder: TensorFlow's own choice
    assert maker.digest(cases[name]()) == GOLDEN[name]
