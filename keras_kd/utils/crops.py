"""What the paper's crops are: defaults that data, config, runs and exports share.

Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
2021, arXiv:2106.05237.
"""

from fractions import Fraction

# Resized short side over the side of the square that is cut out of it: 256 / 224 and 160 / 140.
EVAL_SCALE = 8 / 7
# Share of the image that an inception crop shows: lowest and highest.
CROP_AREA = (0.05, 1.0)
# Its width over height: lowest and highest.
CROP_ASPECT = (3 / 4, 4 / 3)
# Crops are counted in whole numbers: a scale is a quotient of two of them, these at the most.
_LARGEST_DENOMINATOR = 4096


def as_quotient(scale):
    """A scale as whole numbers (p, q), p / q being the scale: 8 and 7 of 8 / 7.

    Args:
        scale: resized short side over the side of the crop, at least 1.
    """
    quotient = Fraction(float(scale)).limit_denominator(_LARGEST_DENOMINATOR)
    return quotient.numerator, quotient.denominator


def central_side(short, scale=EVAL_SCALE):
    """Side in pixels of the central square of an image: `1 / scale` of its short side.

    In whole numbers, so that every machine and language finds the same: for 8 / 7 it is
    `(14 * short + 7) // 16`, the nearest to 7/8 of the short side, of two the smaller. The square
    begins at `(height - side) // 2` and `(width - side) // 2`.

    Args:
        short: short side of the image in pixels, an int.
        scale: resized short side over the side of the crop, at least 1.
    """
    p, q = as_quotient(scale)
    return max((2 * short * q + p - 1) // (2 * p), 1)
