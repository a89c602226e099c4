"""The offline case equals the core that knew one student and one teacher, to the bit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "goldens"
# Written by make_step.py at commit ae4715b, before there were named networks.
GOLDEN = json.loads((FOLDER / "step.json").read_text())


def test_five_steps_equal_those_of_the_old_core(tmp_path):
    # In a process of its own, as the golden was made: once some run has asked TensorFlow for
    # deterministic kernels, its process keeps them, and they round otherwise.
    script = shutil.copy(FOLDER / "make_step.py", tmp_path)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "step.json").read_text())
    assert [logs.keys() for logs in found["logs"]] == [logs.keys() for logs in GOLDEN["logs"]]
    # Other vector instructions add up in another order.
    tolerance = 0.0 if found["instructions"] == GOLDEN["instructions"] else 1e-5
    for what in ("weights", "momenta"):
        for a, b in zip(found[what], GOLDEN[what], strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)
    for logs, expected in zip(found["logs"], GOLDEN["logs"]):
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=tolerance, err_msg=name)
