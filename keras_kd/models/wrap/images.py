"""The training images that a wrapper is shown."""

import numpy as np


def checked_images(images, shape):
    """Images as float32, of which there is one at least.

    Args:
        images: array `[N, H, W, C]`.
        shape: (height, width, channels) of the network's; a side may be None.

    Raises:
        ValueError: others, or none.
    """
    images = np.asarray(images, "float32")
    fits = images.ndim == 4 and len(images) and images.shape[-1] == shape[-1]
    if not fits or not all(a in (None, b) for a, b in zip(shape[:2], images.shape[1:3])):
        raise ValueError(
            f"images must be [N, {', '.join(map(str, shape))}], N of at least 1. Received: images "
            f"of the shape {images.shape}."
        )
    return images
