"""Images that the last stage made for its student, kept with the run for export and report."""

import io
from pathlib import Path

import numpy as np

from keras_kd.utils.archives import DAMAGE, read_archive
from keras_kd.utils.files import write_atomically

FILE = "made_images.npz"
COUNT = 256


def save(path, images):
    """Writes images as 8-bit pixels.

    Args:
        path: the working directory.
        images: float array `[N, H, W, C]` in [-1, 1]; None: nothing is written.
    """
    if images is None:
        return
    buffer = io.BytesIO()
    pixels = np.clip(np.rint((np.asarray(images) + 1.0) * 127.5), 0, 255).astype(np.uint8)
    np.savez_compressed(buffer, images=pixels)
    write_atomically(Path(path) / FILE, lambda file: file.write(buffer.getvalue()))


def load(path):
    """The images that a run made, or None where it saw the data's.

    Args:
        path: the working directory.

    Returns:
        float32 array `[N, H, W, C]` in [-1, 1], or None.

    Raises:
        ValueError: a damaged file.
    """
    file = Path(path) / FILE
    if not file.exists():
        return None
    try:
        pixels = read_archive(file)["images"]
    except (OSError, KeyError, *DAMAGE) as error:
        raise ValueError(
            f"The images that the run made for its student were expected in {file}, which is "
            f"damaged ({error}). Restore it, or train again in another --workdir."
        ) from error
    return pixels.astype(np.float32) / 127.5 - 1.0
