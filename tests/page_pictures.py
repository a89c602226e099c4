"""Pictures for the page in a browser."""

import io

import numpy as np


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height, width, channels, seed=0):
    """A picture with structure, uint8 `[H, W, C]`: noise alone averages away."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, channels), np.uint8)
    rows = np.arange(height) * 4 // height, np.arange(width) * 5 // width
    fine = rng.integers(-40, 41, (height, width, channels))
    return np.clip(coarse[rows[0]][:, rows[1]] + fine, 0, 255).astype(np.uint8)
