"""Which processors this process may use, and what they can do."""

import os
import platform
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # of Linux and Android
# Instructions that add up products of 8-bit integers, four and more at once, by Linux's names.
INT8 = ("amx_int8", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "asimddp", "i8mm")


def usable():
    """Number of processors that this process may run on, at least 1.

    A container or `taskset` may allow fewer than the machine has, which `os.cpu_count` tells
    (`os.process_cpu_count` came with Python 3.13).
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def name():
    """The processor's name as its system tells it, such as "Cortex-A76" or "aarch64"."""
    return _told("model name", "Model") or platform.processor() or platform.machine()


def int8_instructions():
    """Instructions for products of 8-bit integers (VNNI, Arm's dot product), a list of names.

    Returns:
        list of str among `INT8`, empty where there are none; None where the system does not tell.
    """
    flags = _told("flags", "Features")
    return [one for one in INT8 if one in flags.split()] if flags else None


def _told(*keys):
    """The first of some keys in `/proc/cpuinfo`, or ""."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for key in keys:
        if found := re.search(rf"^{key}\s*:[ \t]*(\S.*)$", lines, re.MULTILINE):
            return found[1].strip()
    return ""
