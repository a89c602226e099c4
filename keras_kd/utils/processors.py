"""How many processors this process may use."""

import os


def usable():
    """Number of processors that this process may run on, at least 1.

    A container or `taskset` may allow fewer than the machine has, which `os.cpu_count` tells
    (`os.process_cpu_count` came with Python 3.13).
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1
