"""Handles of teachers as text: one, or several whose ensemble teaches.

    bit:R152x2-flowers128
    first.keras,second.keras
    bit:R152x2-imagenet224@224,bit:R152x2-imagenet384
    onnx:teacher.onnx,keras:ResNet50?weights=mine.weights.h5

A number behind `@` is the side in pixels at which that teacher sees the images.
"""

import os
import re

OF_PATHS = ("hub", "onnx", "tflite")  # schemes before a path


def members(handle):
    """Takes a handle apart.

    Args:
        handle: text as above. A path that exists is one teacher, whatever its name holds.

    Returns:
        list of (handle, side): str, and int in pixels or None where the view stays as it is.

    Raises:
        ValueError: a teacher without a name, or a side that is no size.
    """
    if os.path.exists(handle):
        return [(handle, None)]
    found = [re.fullmatch(r"(.*?)(?:@(\d+))?", part.strip()).groups() for part in handle.split(",")]
    if not all(name for name, _ in found) or any(side and int(side) < 1 for _, side in found):
        raise ValueError(
            "a teacher's handle must be HANDLE or HANDLE@SIDE, several with commas between them. "
            f"Received: handle={handle!r}. Write for example 'a.keras,bit:R50x1-imagenet224@224'."
        )
    return [(name, int(side) if side else None) for name, side in found]


def located(name):
    """The handle of one teacher with absolute paths for what exists.

    Args:
        name: a path; `SCHEME:PATH`; or either with `?key=PATH&key=value` behind it.

    Returns:
        str.
    """
    if os.path.exists(name):
        return os.path.abspath(name)
    place, mark, options = name.partition("?")
    scheme, _, path = place.partition(":")
    if scheme in OF_PATHS and os.path.exists(path):
        place = f"{scheme}:{os.path.abspath(path)}"
    pairs = [option.partition("=") for option in options.split("&")] if mark else []
    told = "&".join(
        f"{key}{equals}{os.path.abspath(value) if os.path.isfile(value) else value}"
        for key, equals, value in pairs
    )
    return f"{place}{mark}{told}"


def absolute(handle):
    """The same handle with absolute paths for what exists.

    Args:
        handle: text, as for `members`, or empty.

    Returns:
        str.
    """
    if not handle:
        return handle
    return ",".join(located(name) + (f"@{side}" if side else "") for name, side in members(handle))
