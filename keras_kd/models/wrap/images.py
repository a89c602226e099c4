"""The training images that a wrapper is shown."""

import numpy as np

BATCH = 32  # images that are looked at at once


def checked_images(images, shape):
    """Images as float32, of which there is one at least.

    Args:
        images: array `[N, H, W, C]`.
        shape: (height, width, channels) of the network's; a side may be None.

    Raises:
        ValueError: others, or none.
    """
    try:
        images = np.asarray(images, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "images must be an array of numbers [N, H, W, C]. Received: images of type "
            f"{type(images).__name__}."
        ) from error
    fits = images.ndim == 4 and len(images) and images.shape[-1] == shape[-1]
    if not fits or not all(a in (None, b) for a, b in zip(shape[:2], images.shape[1:3])):
        raise ValueError(
            f"images must be [N, {', '.join(map(str, shape))}], N of at least 1. Received: images "
            f"of the shape {images.shape}."
        )
    if not np.isfinite(images).all():
        raise ValueError(
            "images must be finite numbers. Received: images with NaN or infinity among them. Look "
            "at how they were scaled."
        )
    return images


def batches_of(images):
    """A list of at most so many each."""
    return [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
