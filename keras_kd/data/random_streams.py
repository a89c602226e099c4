"""Random numbers that depend on (seed, stream, step) and on nothing else.

Every draw of the pipeline comes from here, so a batch is a pure function of (seed, step): a run
can start at any step, in any process, on any worker. The algorithm is named (Philox), because
the automatic choice differs from device to device.
"""

import hashlib
from dataclasses import dataclass

import tensorflow as tf

# The kernel's default of 4 rounds leaves neighbours together visibly too often; 16 do not.
_SHUFFLE_ROUNDS = 16


def stream_seed(seed, stream, counter):
    """An int64 `[2]` seed for TensorFlow's stateless operations, or `[B, 2]`, one a row.

    Args:
        seed: int, the seed of the run.
        stream: str, what the numbers are for; two streams are independent.
        counter: int64 scalar tensor, the step or the epoch; `[B]` for a seed a row.
    """
    digest = hashlib.blake2b(f"{int(seed)}/{stream}".encode(), digest_size=8).digest()
    key = int.from_bytes(digest, "little", signed=True)
    counter = tf.cast(counter, tf.int64)
    return tf.stack([tf.fill(tf.shape(counter), tf.constant(key, tf.int64)), counter], axis=-1)


@dataclass(frozen=True)
class Stream:
    """Random numbers of one name: what an image op draws from.

    Attributes:
        seed: int, the seed of the run.
        name: what the numbers are for, such as "student flip".
        counter: int64 scalar tensor, the step; `[B]` where each row has a counter of its own.
    """

    seed: int
    name: str
    counter: object

    def key(self, part=""):
        """A seed for TensorFlow's stateless operations, as of `stream_seed`.

        Args:
            part: which of several draws, each from a stream of its own.
        """
        return stream_seed(self.seed, f"{self.name} {part}" if part else self.name, self.counter)


def uniform(shape, seed):
    """float32 numbers in [0, 1).

    Args:
        shape: of the result.
        seed: int64 `[2]`, or `[B, 2]` for a first axis of B: each row from a seed of its own.
    """
    if seed.shape.rank == 1:
        return tf.random.stateless_uniform(shape, seed, alg="philox")
    row = lambda one: tf.random.stateless_uniform(shape[1:], one, alg="philox")  # noqa: E731
    return tf.map_fn(row, seed, fn_output_signature=tf.float32)


def beta(alpha, stream):
    """One draw from Beta(alpha, alpha), float32 in [0, 1], by a `Stream`; for 1 it is uniform.

    Two gamma variates in the logarithm make it: gamma(alpha) = gamma(alpha + 1) * U^(1 / alpha).
    For a small alpha both variates underflow to zero, their logarithms do not.
    """
    if alpha == 1:
        return uniform([], stream.key())
    more = tf.constant(alpha + 1.0, tf.float64)
    gammas = tf.random.stateless_gamma([2], stream.key("gamma"), more, dtype=tf.float64)
    powers = tf.random.stateless_uniform([2], stream.key("power"), dtype=tf.float64, alg="philox")
    # 1 - U lies in (0, 1]: no logarithm of zero.
    logs = tf.math.log(gammas) + tf.math.log1p(-powers) / alpha
    return tf.cast(tf.sigmoid(logs[0] - logs[1]), tf.float32)


def below(limit, draw):
    """Whole numbers in [0, limit) from uniform draws in [0, 1), both of the same shape."""
    value = tf.cast(tf.floor(draw * tf.cast(limit, tf.float32)), tf.int32)
    return tf.minimum(value, limit - 1)


def batch_ranks(step, batch_size, repeats=1):
    """Which ranks of the endless stream of examples stand in the rows of a batch.

    Args:
        step: int64 scalar, the number of the batch.
        batch_size: number of rows.
        repeats: how often each example stands in its batch; where the size is no multiple of it,
            the last ones once less. The copies of one lie as far apart as they can, so that no
            image is mixed with its like.

    Returns:
        int64 `[batch_size]`.
    """
    different = -(-batch_size // repeats)
    return step * different + tf.range(batch_size, dtype=tf.int64) % different


def epoch_positions(ranks, num_examples, seed):
    """Which example stands at each rank of an endless stream of shuffled epochs.

    Rank `e * N + p` is position p of epoch e; each epoch is a permutation of its own, and the
    epochs follow one another without a gap. Costs the same at any rank.

    Args:
        ranks: int64 `[B]`, in any order, of at most two neighbouring epochs.
        num_examples: N.
        seed: int, the seed of the run.

    Returns:
        int64 `[B]` in [0, N).
    """
    epochs = ranks // num_examples
    first = tf.reduce_min(epochs)
    # The kernel mixes its seed words weakly: counting up in one gives 256 permutations in all,
    # random words about a million. So each epoch's words come out of Philox, and two shuffles
    # follow each other. A batch meets two epochs at most.
    words = tf.stack([_epoch_words(seed, first), _epoch_words(seed, first + 1)])  # [2, 2, 3]
    index = ranks % num_examples
    for shuffle_words in tf.unstack(tf.gather(words, epochs - first), axis=1):
        index = tf.raw_ops.RandomIndexShuffle(
            index=index,
            seed=shuffle_words,
            max_index=tf.constant(num_examples - 1, tf.int64),
            rounds=_SHUFFLE_ROUNDS,
        )
    return index


def _epoch_words(seed, epoch):
    return tf.random.stateless_uniform(
        [2, 3], stream_seed(seed, "order", epoch), None, None, tf.uint32, alg="philox"
    )
