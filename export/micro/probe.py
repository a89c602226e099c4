"""What TFLM makes of a file: the memory that it needs, or the operator that it has not got.

TFLM tells both on its error stream alone, and ends the process where a file breaks a promise; so
it is asked in a process of its own: `python -m keras_kd.export.micro.probe < FILE`.
"""

import re
import subprocess
import sys
from typing import NamedTuple

import numpy as np

MOST = 64 * 2**20  # bytes of an arena to try with; no microcontroller has them
ALIGNED = 16  # bytes, of the arena and of what lies in it
ARENA = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
NO_OPERATOR = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
NOT_PREPARED = re.compile(r"Node (\w+) \(number (\d+)\) failed to (?:prepare|invoke)")
TOO_LARGE = "Failed to resize buffer"


class Arena(NamedTuple):
    """Bytes of working memory, as TFLM's recording allocator counts them.

    Attributes:
        total: what an arena must have.
        head: of it, for the tensors of a run, which share their places.
        tail: of it, for what stays: structures, scales, offsets.
    """

    total: int
    head: int
    tail: int


class Refused(Exception):
    """TFLM does not run a file.

    Attributes:
        operator: name of the kind of operator, such as "SIGN"; empty where none is to blame.
        number: which operator of the graph it is; None where TFLM has no kernel of that kind.
        told: what TFLM said, in one line.
    """

    def __init__(self, operator, number, told):
        super().__init__(told)
        self.operator, self.number, self.told = operator, number, told


def probe(content):
    """Runs a file once on zeros.

    Args:
        content: bytes of a TFLite file.

    Returns:
        an `Arena`.

    Raises:
        Refused: an operator is missing, or takes no such tensors; or the arena is beyond `MOST`.
    """
    asked = [sys.executable, "-m", "keras_kd.export.micro.probe"]
    ended = subprocess.run(asked, input=content, capture_output=True)
    told = ended.stderr.decode(errors="replace")
    found = {kind: int(size) for kind, size in ARENA.findall(told)}
    if ended.returncode or len(found) < 3:
        raise _refusal(told)
    return Arena(-(-found["total"] // ALIGNED) * ALIGNED, found["head"], found["tail"])


def _refusal(told):
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = "; ".join(lines)[:300]
    if missing := NO_OPERATOR.search(told):
        return Refused(missing[1], None, f"no operator {missing[1]}")
    if failed := NOT_PREPARED.search(told):
        return Refused(failed[1], int(failed[2]), lines[0][:200])
    if TOO_LARGE in told:
        return Refused("", None, f"tensors that need more than {MOST:,} bytes at once")
    return Refused("", None, said or "its process ended without a word")


def _main():
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size=MOST)
    given = interpreter.get_input_details(0)
    interpreter.set_input(np.zeros(given["shape"], given["dtype"]), 0)
    interpreter.invoke()
    interpreter.print_allocations()


if __name__ == "__main__":
    _main()
