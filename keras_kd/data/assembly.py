"""From the plan of a step to its batch: rows are fetched, decoded, changed, resized and mixed.

Rows are made in groups, a call a group, see `keras_kd.data.decode`. Nothing here draws or counts
anything.
"""

import tensorflow as tf

from keras_kd.utils import processors

# Rows of one call: more of them copy less, and make the graph larger and the start slower.
GROUP = 64


def group_rows(rows, batch_size, mixed):
    """Divides consecutive rows over groups of one size.

    The last group is filled with the last row; what is too many is cut off the batch. Under mixup
    the partner of a group's first row stands in front of it, unless the group is the whole batch
    and so a ring, that ends with that partner.

    Returns:
        the rows of each group, a list of lists of int, and whether there is one that is a ring.
    """
    count = -(-len(rows) // GROUP)
    size = -(-len(rows) // count)
    if mixed and count == 1 and size == batch_size:
        return [list(rows)], True
    groups = []
    for start in range(0, count * size, size):
        group = [rows[min(i, len(rows) - 1)] for i in range(start, start + size)]
        groups.append([(group[0] - 1) % batch_size] * mixed + group)
    return groups, False


def map_parallel(data, function):
    """Maps a function that branches on no tensor, on all usable processors, in order."""
    # Tracing without autograph starts faster.
    function = tf.autograph.experimental.do_not_convert(function)
    return data.map(function, processors.usable())


def batches(steps, plan, examples, groups, decode, size):
    """From steps to batches, a group of rows a call.

    Args:
        steps: `tf.data.Dataset` of what `plan` takes.
        plan: function of an element to the plan of its global batch: `position` `[B]`, `views`
            (role -> as of `View.draw`) and, where it is mixed, `mix` (what `Views.draw_mix` gives).
        examples: `Examples`.
        groups: rows of each group, as from `group_rows`.
        decode: function of a group's plan to its rows, as from `keras_kd.data.decode.decoder`.
        size: number of rows of each batch.
    """
    flat_rows = [row for group in groups for row in group]
    shape = [len(groups), len(groups[0])]

    def fetch(*step):
        # Drawn for the global batch, then cut: every worker sees the same draws.
        planned = tf.nest.map_structure(lambda value: tf.gather(value, flat_rows), plan(*step))
        planned["item"] = examples.fetch(planned["position"])
        turns = examples.turns(planned["position"])
        if turns is not None:
            planned["turn"] = turns
        if examples.paired is not None:
            planned["paired_item"] = examples.paired.fetch(planned["position"])
            turns = examples.paired.turns(planned["position"])
            if turns is not None:
                planned["paired_turn"] = turns
        if len(groups) == 1:
            return planned
        return tf.nest.map_structure(lambda v: tf.reshape(v, shape + v.shape[1:]), planned)

    def join(*batch):
        flat = lambda v: tf.reshape(v, [v.shape[0] * v.shape[1], *v.shape[2:]])[:size]  # noqa: E731
        return tf.nest.map_structure(flat, batch)

    data = map_parallel(steps, fetch)
    if len(groups) == 1:
        return map_parallel(data, decode)
    decoded = map_parallel(data.unbatch(), decode)
    return map_parallel(decoded.batch(len(groups), drop_remainder=True), join)


def finished(data, cardinality):
    """The dataset of batches, of known length, in order, that nobody else divides."""
    data = data.apply(tf.data.experimental.assert_cardinality(cardinality))
    return data.prefetch(tf.data.AUTOTUNE).with_options(options())


def options():
    """What all datasets of the toolkit have in common."""
    common = tf.data.Options()
    common.deterministic = True
    # The workers' shares are cut here already; TensorFlow must not cut them again.
    common.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # The thread that tunes an iterator now and then misses that the iterator is given up: whoever
    # collects it waits for up to a minute.
    common.autotune.enabled = False
    return common
