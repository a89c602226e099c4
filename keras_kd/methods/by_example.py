"""What the methods share that keep a row for each example of the data, found by its `id`."""

import tensorflow as tf
from keras import ops

from keras_kd.methods.arguments import integer
from keras_kd.methods.base import Method


class ExampleMethod(Method):
    """Base of the methods that keep something of each example.

    Args:
        num_examples: number N of examples, at least 2; rows of what is kept.
        first_id: the smallest `id`, at least 0; the sources of `keras_kd.data` number their splits
            in alphabetical order, one after the other.
        **kwargs: as for `Method`.

    Raises:
        ValueError: an unknown number of examples, or batches without `id`.
    """

    needs_id = True

    def __init__(self, num_examples=None, first_id=0, **kwargs):
        super().__init__(**kwargs)
        if type(num_examples) is not int or num_examples < 2:
            raise ValueError(
                f"{self._kind} keeps a bank with a row for each example, so it must know how many "
                "there are: num_examples, at least 2. Received: "
                f"num_examples={num_examples!r}. Give the size of the training split."
            )
        self.num_examples = num_examples
        self.first_id = integer(0, first_id=first_id)

    @property
    def _kind(self):
        return type(self).__name__

    def add_bank(self, columns, name, initializer="zeros"):
        """A weight `[N, columns]` that no gradient moves: all replicas write the same rows."""
        return self.add_weight(
            shape=(self.num_examples, columns), initializer=initializer, trainable=False,
            aggregation="only_first_replica", name=name,
        )  # fmt: skip

    def check_examples(self, ids):
        lowest, highest = int(ids.min()), int(ids.max())
        if lowest < self.first_id or highest >= self.first_id + self.num_examples:
            raise ValueError(
                f"{self._kind}'s bank has a row for each id from first_id to before first_id + "
                f"num_examples. Received: first_id={self.first_id}, "
                f"num_examples={self.num_examples}, and training examples with ids from {lowest} "
                f"to {highest}. Give the method first_id={lowest}, "
                f"num_examples={highest - lowest + 1}."
            )

    def rows(self, batch):
        """int32 `[B]`: the row of each example.

        Raises:
            ValueError: batches without `id`; outside XLA also an id without a row.
        """
        if "id" not in batch:
            raise ValueError(
                f"{self._kind} needs the index of each example in the data: 'id' in the batch. "
                f"Received: batch with {sorted(batch)}. Build the data with with_ids=True, or add "
                "'id', int [B], to the batch's dict."
            )
        # Checked as they are: 2^32 + 5 would be 5 in 32 bits.
        rows = ops.cast(ops.reshape(batch["id"], (-1,)), "int64") - self.first_id
        # XLA leaves checks out, and reads the nearest row.
        check = tf.debugging.Assert(
            tf.reduce_all((rows >= 0) & (rows < self.num_examples)),
            [
                "Every id must lie in [first_id, first_id + num_examples). Received: first_id, "
                "num_examples, ids",
                self.first_id,
                self.num_examples,
                batch["id"],
            ],
        )
        with tf.control_dependencies([] if check is None else [check]):
            return tf.cast(rows, tf.int32)

    def get_config(self):
        own = {"num_examples": self.num_examples, "first_id": self.first_id}
        return {**super().get_config(), **own}


def over_replicas(values):
    """The values `[B, ...]` of all replicas, in one order on each of them."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_gather(values, axis=0)


def last_of_each(rows):
    """int32 `[B]`: where a row stands last; an example may be in a batch twice."""
    place = ops.arange(ops.shape(rows)[0])
    return ops.max(ops.where(rows[:, None] == rows[None], place[None], -1), axis=1)


def write(bank, rows, values):
    """Puts values `[B, D]` into the rows of a bank."""
    bank.value.scatter_update(tf.IndexedSlices(values, rows))
