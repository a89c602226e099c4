"""The offline case equals the core that knew one student and one teacher, to the bit."""

import importlib.util
import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "goldens"
# Written by make_step.py at commit ae4715b, before there were named networks.
GOLDEN = json.loads((FOLDER / "step.json").read_text())


def test_five_steps_equal_those_of_the_old_core():
    spec = importlib.util.spec_from_file_location("make_step", FOLDER / "make_step.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    found = make.trained()
    assert [logs.keys() for logs in found["logs"]] == [logs.keys() for logs in GOLDEN["logs"]]
    # Other vector instructions add up in another order.
    tolerance = 0.0 if make.instructions() == GOLDEN["instructions"] else 1e-5
    for what in ("weights", "momenta"):
        for a, b in zip(found[what], GOLDEN[what], strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)
    for logs, expected in zip(found["logs"], GOLDEN["logs"]):
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=tolerance, err_msg=name)
