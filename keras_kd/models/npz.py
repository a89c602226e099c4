"""Reading `.npz` archives of published weights, whichever network they are for."""

from pathlib import Path

import ml_dtypes
import numpy as np

from keras_kd.utils.archives import DAMAGE, read_archive

SHOWN = 8  # mismatches that an error lists before it only counts them


def read_arrays(path, address=""):
    """All arrays of an archive by name, each read to its end so that damage shows now.

    Args:
        path: an `.npz` file. Pickled objects are never unpacked: they can run any code.
        address: where it is fetched from when it is not there, for the error.

    Returns:
        dict of NumPy arrays.

    Raises:
        ValueError: the file is missing, cut short, damaged, or holds pickled objects.
    """
    if not Path(path).is_file():
        raise ValueError(f"path must be an .npz file. Received: path={str(path)!r}, not there.")
    try:
        return read_archive(path)
    except (OSError, *DAMAGE) as error:
        if "allow_pickle" in str(error):
            error = "it holds pickled objects, which are never loaded because they can run code"
        raise ValueError(
            "path must be a whole .npz file of plain arrays. "
            f"Received: path={str(path)!r}, which does not read: {error}. "
            f"{_remedy(address)}"
        ) from None


def _remedy(address):
    if address:
        return f"Delete the file, and it is fetched again from {address}."
    return "Take it again from where it came."


def not_finite(array):
    """What is wrong with weights that are NaN or infinite, as a phrase; "" where none is.

    Args:
        array: NumPy array of floats.
    """
    bad = array.size - np.count_nonzero(np.isfinite(array))
    return f"{bad:,} of {array.size:,} values are not finite" if bad else ""


def float32(array):
    """An array's values in float32, or None where they are no floats."""
    if array.dtype.kind == "V" and array.dtype.itemsize == 2:
        array = array.view(ml_dtypes.bfloat16)  # NumPy's format has no name for it
    elif array.dtype.kind != "f":
        return None
    return array.astype("float32", copy=False)


def mismatches(arrays, wanted):
    """What keeps an archive's arrays from filling variables of the same names, one phrase each.

    Args:
        arrays: dict of NumPy arrays; further axes of 1 in front do not matter.
        wanted: dict of variables.

    Returns:
        list of str, empty where every array has its variable and every variable its array.
    """
    problems = [f"{name} (in the model, not in the file)" for name in wanted if name not in arrays]
    problems += [f"{name} (in the file, not used)" for name in arrays if name not in wanted]
    for name in wanted.keys() & arrays.keys():
        file, own = arrays[name].shape, tuple(wanted[name].shape)
        extra = len(file) - len(own)
        if extra < 0 or file[extra:] != own or set(file[:extra]) - {1}:
            problems.append(f"{name} (file {file}, model {own})")
        elif (values := float32(arrays[name])) is None:
            problems.append(f"{name} (no floats but {arrays[name].dtype})")
        elif bad := not_finite(values):
            problems.append(f"{name} ({bad})")
    return sorted(problems)


def assign(arrays, wanted):
    """Puts the arrays of an archive into the variables of the same names, which they fit."""
    for name, variable in wanted.items():
        variable.assign(float32(arrays[name]).reshape(variable.shape))


def listed(problems):
    """Many problems as one readable phrase: the first few, and how many more there are."""
    more = f"; and {len(problems) - SHOWN} more" if problems[SHOWN:] else ""
    return "; ".join(problems[:SHOWN]) + more
