"""Training images on which the ranges of activations are measured."""

import numpy as np


def checked_images(representative, shape, format):
    """The representative images as one float32 array `[N, H, W, C]`.

    Args:
        representative: iterable of arrays `[H, W, C]` or `[B, H, W, C]`.
        shape: (H, W, C) of the student.
        format: what they are for, to be told where they are missing.

    Raises:
        ValueError: none, of another shape, or with values that are not in [-1, 1].
    """
    advice = "Give images of the training split, prepared as for evaluation."
    if representative is None:
        raise ValueError(
            f"Expected representative images for {format}, to measure the ranges of activations. "
            f"Received: representative=None. {advice}"
        )
    try:
        batches = [np.asarray(batch, np.float32) for batch in representative]
    except (TypeError, ValueError) as error:
        raise ValueError(
            "Expected arrays of numbers as representative images. Received: representative of type "
            f"{type(representative).__name__} ({error}). {advice}"
        ) from error
    batches = [batch[None] if batch.ndim == 3 else batch for batch in batches]
    wrong = next((batch.shape for batch in batches if batch.shape[1:] != shape), None)
    if wrong is not None:
        raise ValueError(
            f"Expected representative images of shape [B, {', '.join(map(str, shape))}]. "
            f"Received: an array of shape {list(wrong)}. {advice}"
        )
    images = np.concatenate(batches) if batches else np.zeros((0, *shape), np.float32)
    if not len(images):
        raise ValueError(
            f"Expected at least one representative image. Received: representative=empty. {advice}"
        )
    if not np.isfinite(images).all() or np.abs(images).max() > 1.001:
        raise ValueError(
            "Expected representative images in [-1, 1]. Received: values from "
            f"{images.min():g} to {images.max():g}. {advice}"
        )
    _check_range(images)
    return images


def _check_range(images):
    """Refuses images of another range that lies within [-1, 1], as [0, 1] does.

    Photographs, drawings and scans in [-1, 1] have dark pixels, which are below zero, or reach an
    end of the range.
    """
    low, high = float(images.min()), float(images.max())
    if low == high == 0:
        raise ValueError(
            "Expected representative images that show something: ranges are measured on them. "
            "Received: images of zeros alone. Give images of the training split, prepared as for "
            "evaluation."
        )
    if low == high or not (low >= 0 or (low >= -0.5 and high <= 0.5)):
        return
    raise ValueError(
        "Expected representative images in [-1, 1]. Received: values from "
        f"{low:g} to {high:g}, as of images in {'[0, 1]' if low >= 0 else '[-0.5, 0.5]'}. Prepare "
        "them as for evaluation: pixel / 127.5 - 1. If yours are truly without a dark pixel, add "
        "an image that is black, of -1."
    )
