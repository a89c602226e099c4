"""Whether stored targets are what the teacher says now, by a few images at the start of a run.

A fingerprint tells settings and image files apart. Another version of the augmentation or of a
decoder, or images of a source that knows no checksums, only show in what the teacher says.
"""

import numpy as np

from keras_kd.models.output import two_classes

ROWS = 64  # images that are compared
LARGEST_GAP = 0.05  # of a probability, on average; bfloat16 differs by about 0.01


def gap(stored, live):
    """How far apart two sets of logits are.

    Args:
        stored: `[B, K]`. Where only the largest classes were kept, the others are not told apart,
            so the likeliest class counts alone.
        live: `[B, K]`, of the same images.

    Returns:
        float in [0, 1], the mean difference of the likeliest class's probability; 1 where the
        shapes differ.
    """
    stored, live = softmax(stored), softmax(live)
    if stored.shape != live.shape:
        return 1.0
    rows, likeliest = np.arange(len(stored)), stored.argmax(axis=-1)
    return float(np.abs(stored[rows, likeliest] - live[rows, likeliest]).mean())


def check_gap(found, what, advice):
    """Refuses stored targets that are further from the live ones than rounding explains.

    Args:
        found: what `gap` gave.
        what: the beginning of the sentence, such as "The fixed targets in FILE have ...".
        advice: its end.

    Raises:
        ValueError: names the gap.
    """
    if not found <= LARGEST_GAP:  # also where it is not a number
        raise ValueError(
            f"{what} the probability of the likeliest class differs by {found:.2f} on average "
            f"from what the teacher says now, where rounding explains {LARGEST_GAP}. {advice}"
        )


def softmax(logits):
    """Probabilities float64 `[B, K]` of logits; of one logit those of two classes."""
    logits = two_classes(np.asarray(logits, np.float64))
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
