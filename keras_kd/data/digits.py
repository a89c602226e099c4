"""The 1,797 grey 8x8 digits embedded in scikit-learn: a source that needs no download."""

import numpy as np

from keras_kd.data.examples import ArrayStore, Examples, Source

NUM_TEST = 500


class Digits(Source):
    """Handwritten digits, 8x8 pixels, one channel, 1,297 for training and 500 held out.

    The values 0..16 become `round(value * 255 / 16)` in uint8. The order is a fixed shuffle in
    which every stretch holds the classes in equal shares, so that the test split (its last 500)
    and any `train[:n]` are stratified.

    Reference: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
    """

    def __init__(self, allow_bad=0.01, index_dir=None):
        from sklearn.datasets import load_digits

        data = load_digits()
        order = _stratified_order(data.target)
        self._pixels = np.rint(data.images * (255.0 / 16.0)).astype(np.uint8)[..., None]
        self._labels = data.target.astype(np.int32)
        self._order = {"train": order[:-NUM_TEST], "test": order[-NUM_TEST:]}
        counts = {name: len(rows) for name, rows in self._order.items()}
        super().__init__("digits", [str(d) for d in range(10)], 1, counts, allow_bad, index_dir)

    def _examples(self, parts, what):
        rows = np.concatenate([self._order[name][start:stop] for name, start, stop in parts])
        return Examples(
            labels=self._labels[rows],
            sizes=np.full((len(rows), 2), 8, np.int32),
            ids=rows.astype(np.int64),  # The row in scikit-learn's own table.
            channels=1,
            store=ArrayStore(self._pixels[rows]),
        )


def _stratified_order(labels):
    """A fixed permutation in which each class is spread evenly from first to last."""
    # RandomState's stream is frozen by NumPy's compatibility policy; Generator's is not.
    shuffled = np.random.RandomState(0).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    sizes = np.bincount(labels)
    quantile = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    return by_class[np.argsort(quantile, kind="stable")]
