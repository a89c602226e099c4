"""Every mode's batches, to the bit, as they were before views became lists of image ops."""

import json
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parent / "goldens"
sys.path.insert(0, str(HOME))
import make_batches  # noqa: E402

# Written by goldens/make_batches.py at commit ae4715b with tensorflow 2.21.
GOLDEN = json.loads((HOME / "batches.json").read_text())
CASES = make_batches.cases(HOME / "photos")


def test_every_case_has_its_golden():
    assert list(CASES) == list(GOLDEN)


@pytest.mark.parametrize("name", list(GOLDEN))
def test_batches_are_what_they_were_to_the_bit(name):
    assert make_batches.digest(CASES[name]()) == GOLDEN[name]
