"""From the plan of a step to its batch: rows are fetched, decoded, flipped, resized and mixed.

A call decodes a group of rows, one after the other, and mixes each while it lies in the processor's
cache: passes over a whole batch of floats cost a fifth of the time. Nothing here draws or counts
anything.
"""

import tensorflow as tf

from keras_kd.data import mixup, ops
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


def views_wanted(resolution, teacher_resolution, own_teacher_view):
    """Key of x -> (role whose crop it shows, side in pixels)."""
    side = teacher_resolution or resolution
    if own_teacher_view:
        return {"student": ("student", resolution), "teacher": ("teacher", side)}
    if side != resolution:
        return {"student": ("student", resolution), "teacher": ("student", side)}
    return {"image": ("student", resolution)}


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
            (role -> boxes and flips) and, under mixup, `coefficient` `[B]`.
        examples: `Examples`.
        groups: rows of each group, as from `group_rows`.
        decode: function of a group's plan to its rows, as from `decoder`.
        size: number of rows of each batch.
    """
    flat_rows = [row for group in groups for row in group]
    shape = [len(groups), len(groups[0])]

    def fetch(*step):
        # Drawn for the global batch, then cut: every worker sees the same draws.
        planned = tf.nest.map_structure(lambda value: tf.gather(value, flat_rows), plan(*step))
        planned["item"] = examples.fetch(planned["position"])
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


def decoder(examples, outputs, flip, mixed, ring, num_classes, with_ids):
    """Function of a group's plan to its rows of `(x, y)`.

    Args:
        examples: `Examples`.
        outputs: key of x -> (role, side), as from `views_wanted`.
        flip: whether some rows are mirrored.
        mixed: whether rows are mixed with the row before them.
        ring: whether the row before the first one is the last one, not an extra one in front.
        num_classes: number of classes for one-hot labels, or None.
        with_ids: whether x carries `id`.
    """
    roles = {role for role, _ in outputs.values()}

    @tf.function(autograph=False)  # Traced once for all rows: tracing a branch is slow.
    def crop(item, box, flipped):
        image = examples.crop(item, box)
        return ops.flip(image, flipped) if flip else image

    def images(group):
        """Key of x -> list of images, mixed where the mode says so."""
        resize = {side: ops.resizer(side) for _, side in outputs.values()}
        items = tf.unstack(group["item"])
        drawn = {
            role: list(zip(items, tf.unstack(boxes), tf.unstack(flips)))
            for role, (boxes, flips) in group["views"].items()
            if role in roles
        }
        x, plain = {key: [] for key in outputs}, {key: [] for key in outputs}
        before = []
        for row in range(len(items)):
            # Each row waits for the one before: the floats of all do not fit into the cache.
            with tf.control_dependencies(before):
                # Each crop is decoded once, whatever the number of sizes it is resized to.
                crops = {role: crop(*rows[row]) for role, rows in drawn.items()}
            for key, (role, side) in outputs.items():
                image = resize[side](crops[role])
                if mixed:
                    plain[key].append(image)
                    image = mix(*plain[key][:-3:-1], group) if row else image
                x[key].append(image)
            before = [made[-1] for made in x.values()]
        if mixed:
            for key, (first, *_, last) in plain.items():
                x[key][0] = mix(first, last, group)
        return x

    def mix(values, partners, group):
        return mixup.mix(values, partners, group["coefficient"][0])

    def decode(group):
        # Without a ring the extra row in front is only a partner.
        own = slice(1 if mixed and not ring else 0, None)
        x = {key: tf.stack(rows[own]) for key, rows in images(group).items()}
        # Folded coefficients make a row's own image the heavier one: its label stays.
        y = tf.gather(examples.labels, group["position"])
        if num_classes is not None:
            y = tf.one_hot(y, num_classes)
            y = mix(y, mixup.roll(y), group) if mixed else y
        if with_ids:
            return x | {"id": tf.gather(examples.ids, group["position"][own])}, y[own]
        return x.get("image", x), y[own]

    return decode


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


def check_whole(name, value, lowest):
    """Refuses what is no whole number of at least `lowest`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < lowest:
        raise ValueError(
            f"{name} must be a whole number of at least {lowest}. Received: {name}={value!r}"
        )
