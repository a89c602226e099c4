"""Training images set apart, to compare students on before anybody looks at the test images."""

import numpy as np

from keras_kd.data.examples import Source

LEARNED_FROM, HELD_OUT = "learned_from", "held_out"  # the splits


class HeldOut(Source):
    """A split of another source in two, `learned_from` and `held_out`, drawn from a seed.

    Args:
        source: the `Source`.
        split: split expression of it.
        share: of its examples that are held out, in (0, 1).
        seed: int.

    Raises:
        ValueError: a share that leaves one of the two empty.
    """

    def __init__(self, source, split, share=0.2, seed=0):
        examples = source.split(split)
        order = np.random.default_rng(seed).permutation(examples.num_examples)
        count = round(share * len(order))
        if not 0 < count < len(order):
            raise ValueError(
                "Some images must be held out, and some be left to learn from. Received: "
                f"share={share} of {len(order)} images. Take more images."
            )
        rows = {HELD_OUT: np.sort(order[:count]), LEARNED_FROM: np.sort(order[count:])}
        counts = {name: len(own) for name, own in rows.items()}
        super().__init__(source.name, source.class_names, source.channels, counts)
        self._cache = {name: examples.take(own) for name, own in rows.items()}
        self.labelled = source.labelled
