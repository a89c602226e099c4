"""Pillow's own changes, by the names of `keras_kd.data.changes`, and images to try them on."""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter

_BILINEAR = Image.Resampling.BILINEAR


def _affine(matrix):
    def change(image, strength):
        grey = (128,) * len(image.getbands())
        return image.transform(
            image.size,
            Image.Transform.AFFINE,
            matrix(strength, *image.size),
            _BILINEAR,
            fillcolor=grey if len(grey) > 1 else 128,
        )

    return change


def _rotate(image, degrees):
    grey = (128,) * len(image.getbands())
    return image.rotate(degrees, _BILINEAR, fillcolor=grey if len(grey) > 1 else 128)


def _solarize_add(image, more):
    table = [min(255, i + int(more)) if i < 128 else i for i in range(256)]
    return image.point(table * len(image.getbands()))


CHANGES = {
    "identity": lambda image, strength: image,
    "autocontrast": lambda image, strength: ImageOps.autocontrast(image),
    "equalize": lambda image, strength: ImageOps.equalize(image),
    "invert": lambda image, strength: ImageOps.invert(image),
    # No bit at all, which timm's strongest asks for, Pillow has not.
    "posterize": lambda image, bits: (
        ImageOps.posterize(image, int(bits))
        if bits
        else image.point([0] * 256 * len(image.getbands()))
    ),
    "solarize": lambda image, threshold: ImageOps.solarize(image, threshold),
    "solarize_add": _solarize_add,
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "rotate": _rotate,
    "shear_x": _affine(lambda s, w, h: (1, s, 0, 0, 1, 0)),
    "shear_y": _affine(lambda s, w, h: (1, 0, 0, s, 1, 0)),
    "translate_x": _affine(lambda s, w, h: (1, 0, s * w, 0, 1, 0)),
    "translate_y": _affine(lambda s, w, h: (1, 0, 0, 0, 1, s * h)),
}


def change(name, pixels, strength):
    """What Pillow makes of uint8 `[H, W, C]`."""
    image = Image.fromarray(pixels if pixels.shape[-1] > 1 else pixels[..., 0])
    return np.asarray(CHANGES[name](image, strength)).reshape(pixels.shape)


def photograph(side, channels=3, seed=0, width=None):
    """Smooth noise over most of the range, uint8 `[side, width or side, channels]`."""
    noise = np.random.default_rng(seed).normal(size=(side, width or side, channels))
    smooth = gaussian_filter(noise, (2, 2, 0))
    return np.uint8(17 + 220 * (smooth - smooth.min()) / (smooth.max() - smooth.min()))


def assert_close(got, want, within=1):
    """Equal, or within so many of 255."""
    gap = np.abs(np.int32(got) - np.int32(want))
    assert gap.max() <= within, f"{gap.max()} levels off in {np.mean(gap > within):.1%}"
