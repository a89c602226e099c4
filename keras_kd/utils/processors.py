"""How many processors this process may use, and what they are."""

import os
import platform
from pathlib import Path


def usable():
    """Number of processors that this process may run on, at least 1.

    A container or `taskset` may allow fewer than the machine has, which `os.cpu_count` tells
    (`os.process_cpu_count` came with Python 3.13).
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


# Flags of Linux for instructions that multiply int8 and add up in int32.
INT8_PRODUCTS = {
    "avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX-512 VNNI", "amx_int8": "AMX",
    "asimddp": "dot product", "i8mm": "I8MM",
}  # fmt: skip


def described(cpuinfo="/proc/cpuinfo"):
    """What the processor is.

    Args:
        cpuinfo: the file in which Linux tells it; other systems have none.

    Returns:
        dict: `processor`, its name; `instructions`, names of those that it has for products of
        int8, in the order of `INT8_PRODUCTS`; an empty list where that is not known, either.
    """
    try:
        text = Path(cpuinfo).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    facts = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    known = [words for flag, words in INT8_PRODUCTS.items() if flag in flags]
    return {"processor": name or "unknown", "instructions": known}
