"""Images that TensorFlow decodes wrong or not at all, read by Pillow instead.

Which ones they are, is found once, when all files are scanned: what is no plain JPEG or PNG is
decoded by both. Whoever reads such a file gets it as a PNG with the same pixels, so that nothing
after the reading, the graph least of all, knows of them.
"""

import io

import numpy as np
from PIL import Image

# Mean difference of a channel's values that is due to rounding and to the interpolation of chroma.
TOLERANCE = 3.0


def as_png(encoded):
    """The first frame of an image as PNG: three channels, transparency dropped.

    Args:
        encoded: bytes of any format that Pillow reads.

    Raises:
        OSError, ValueError: Pillow cannot read it.
    """
    png = io.BytesIO()
    Image.fromarray(pixels(encoded)).save(png, "PNG", compress_level=0)
    return png.getvalue()


def pixels(encoded):
    """The first frame of an image as Pillow reads it: uint8 `[H, W, 3]`.

    Raises:
        OSError, ValueError: Pillow cannot read it.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.seek(0)
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError):
        raise
    except Exception as error:  # Pillow's plug-ins raise what they like on damage.
        raise ValueError(f"not an image: {error}") from error


def is_plain(encoded):
    """Whether TensorFlow is known to decode a format right: JPEG of 1 or 3 channels, and PNG."""
    if encoded[:8] == b"\x89PNG\r\n\x1a\n":
        return True
    return encoded[:3] == b"\xff\xd8\xff" and _jpeg_channels(encoded) != 4


def _jpeg_channels(encoded):
    """Channels of a JPEG by its frame header, or None where there is none."""
    place = 2
    while place + 10 <= len(encoded) and encoded[place] == 0xFF:
        marker = encoded[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return encoded[place + 9]
        if marker == 0xFF:  # fill byte
            place += 1
        else:
            place += 2 + int.from_bytes(encoded[place + 2 : place + 4], "big")
    return None


def differ(one, two):
    """Whether two decodings uint8 `[H, W, 3]` show different images."""
    if one.shape != two.shape:
        return True
    gaps = np.abs(one.astype(np.int16) - two.astype(np.int16))
    return bool(gaps.mean() > TOLERANCE)
