"""A source that holds no image: for stages whose images a network makes."""

import numpy as np
import tensorflow as tf

from keras_kd.data.examples import Examples, Source
from keras_kd.data.random_streams import batch_ranks, epoch_positions

EPOCH = 10_000  # steps are counted in epochs of so many images, where there is no data set


class IdsOnly(Source):
    """Names, classes, counts and ids, as those of a data set; of no example is there an image.

    Args:
        name: of the source.
        class_names: list of str, in the order of the labels.
        channels: 1 for grey images, else 3.
        counts: dict of split name -> number of examples.
        side: of the square images that stand in their place, px.
    """

    def __init__(self, name, class_names, channels, counts, side):
        super().__init__(name, class_names, channels, counts)
        self.side = side

    @classmethod
    def parse(cls, text):
        """The source `none:CLASSES,SIDE,CHANNELS`.

        Args:
            text: what stands behind the colon.

        Raises:
            ValueError: something else than three whole numbers above 0, or channels but 1 and 3.
        """
        words = text.split(",")
        numbers = [int(word) if word.strip().isdecimal() else 0 for word in words]
        if len(numbers) != 3 or min(numbers) < 1 or numbers[2] not in (1, 3):
            raise ValueError(
                "What follows none: must be the number of classes, the side of the images in "
                f"pixels and their channels, 1 or 3. Received: source={'none:' + text!r}. Write "
                "for example none:10,32,3."
            )
        classes, side, channels = numbers
        names = [str(number) for number in range(classes)]
        return cls(f"none:{text}", names, channels, {"train": EPOCH}, side)

    @classmethod
    def instead_of(cls, source, side):
        """As many ids as a source has files, under its names; none of them is opened."""
        return cls(source.name, source.class_names, source.channels, source.counts, side)

    def _examples(self, parts, what):
        offsets = self._id_offsets()
        ids = np.concatenate([offsets[name] + np.arange(low, high) for name, low, high in parts])
        return Examples(
            labels=np.full(len(ids), -1, np.int32),
            sizes=np.full((len(ids), 2), self.side, np.int32),
            ids=ids.astype(np.int64),
            channels=self.channels,
            store=None,
        )


def id_batches(steps, examples, share):
    """Batches of ids alone, in the order of a pass over images.

    Args:
        steps: `tf.data.Dataset` of steps.
        examples: `Examples` without a store.
        share: `keras_kd.data.share.Share`.

    Returns:
        `tf.data.Dataset` of `({"id": int64 [B / n]}, labels int32 [B / n])`, the labels -1.
    """
    ids, rows = tf.constant(examples.ids), share.rows

    def batch(step):
        ranks = batch_ranks(step, share.batch_size, share.repeats)[rows.start : rows.stop]
        chosen = tf.gather(ids, epoch_positions(ranks, examples.num_examples, share.seed))
        return {"id": chosen}, tf.fill([len(rows)], -1)

    return steps.map(batch)
