"""From the bytes of some rows to their images: decoded, changed, resized and mixed.

One call does this for a group of rows, one after the other, and mixes each while it lies in the
processor's cache: passes over a whole batch of floats cost a fifth of the time. Nothing here draws
or counts anything.
"""

import tensorflow as tf

from keras_kd.data.resize import DEFAULT, resizer


def decoder(examples, views, outputs, ring=False, num_classes=None, with_ids=False, resize=DEFAULT):
    """Function of a group's plan to its rows of `(x, y)`.

    Args:
        examples: `Examples`.
        views: `Views`.
        outputs: key of x -> (role, side, modality), as from `Share.outputs`.
        ring: whether the row before the first one is the last one, not an extra one in front.
        num_classes: number of classes for one-hot labels, or None.
        with_ids: whether x carries `id`.
        resize: kernel, see `keras_kd.data.resize`; where it is a mixed one, a group's plan holds
            what was drawn for each row as `kernel`.
    """
    seen = {role: views.of_role(role) for role, *_ in outputs.values()}
    crops = _croppers(examples, seen, outputs)
    # Without a ring the extra row in front is only a partner.
    own = slice(1 if views.mixes and not ring else 0, None)

    def decode(group):
        drawn = views.mixes and tf.nest.map_structure(lambda rows: rows[0], group["mix"])
        mix = lambda image, partner: views.mix.apply(image, partner, drawn)  # noqa: E731
        resizers = {side: resizer(side, resize) for _, side, _ in outputs.values()}
        images = _images(group, seen, outputs, (crops, resizers), mix if views.mixes else None)
        x = {key: tf.stack(rows[own]) for key, rows in images.items()}
        # A mixer leaves a row's own image the heavier one: its label stays.
        y = tf.gather(examples.labels, group["position"])
        if num_classes is not None:
            y = tf.one_hot(y, num_classes)
            if views.mixes:
                share = views.mix.share(drawn)
                y = share * y + (1.0 - share) * tf.roll(y, 1, axis=0)
        if with_ids:
            return x | {"id": tf.gather(examples.ids, group["position"][own])}, y[own]
        return x["image"] if list(x) == ["image"] else x, y[own]

    return decode


def _croppers(examples, seen, outputs):
    """(role, whether of the second image) -> function as of `_cropper`, as the outputs need them.

    Those of the same ops on the same images are one.
    """
    made, found = {}, {}
    for role, _, modality in outputs.values():
        paired = modality is not None and modality.paired
        key = seen[role].pixel_ops, paired
        if key not in made:
            made[key] = _cropper(examples.paired if paired else examples, seen[role].pixel_ops)
        found[role, paired] = made[key]
    return found


def _cropper(examples, pixel_ops):
    """Function of an item, its turn, a box and what was drawn for the ops to the uint8 crop."""

    @tf.function(autograph=False)  # Traced once for all rows: tracing a branch is slow.
    def crop(item, turn, box, *drawn):
        image = examples.crop(item, box, turn)
        for op, own in zip(pixel_ops, drawn):
            image = op.apply(image, own)
        return image

    return crop


def _images(group, seen, outputs, makers, mix):
    """Key of x -> list of images, each mixed with the one before it where there is a `mix`.

    `makers` are the functions that crop, as of `_croppers`, and those that resize, by the side.
    """
    crops, resize = makers
    drawn = {role: _rows(group["views"][role]) for role in seen}
    x, plain = {key: [] for key in outputs}, {key: [] for key in outputs}
    before, count = [], group["item"].shape[0]
    columns = {
        name: tf.unstack(group[name]) if name in group else [None] * count
        for name in ("item", "turn", "paired_item", "paired_turn", "kernel")
    }
    kernels = columns["kernel"]
    stored = {False: ("item", "turn"), True: ("paired_item", "paired_turn")}
    for row in range(count):
        # Each row waits for the one before: the floats of all do not fit into the cache.
        with tf.control_dependencies(before):
            # Each crop is decoded once, whatever the number of sizes it is resized to.
            pixels = {
                (role, paired): crop(
                    *(columns[name][row] for name in stored[paired]), *drawn[role][row]["pixels"]
                )
                for (role, paired), crop in crops.items()
            }
        for key, (role, side, modality) in outputs.items():
            paired = modality is not None and modality.paired
            image = resize[side](pixels[role, paired], kernels[row])
            for op, own in zip(seen[role].float_ops, drawn[role][row]["floats"]):
                image = op.apply(image, own)
            if modality is not None:
                image = modality.apply(image)
            if mix is not None:
                plain[key].append(image)
                image = mix(*plain[key][:-3:-1]) if row else image
            x[key].append(image)
        before = [made[-1] for made in x.values()]
    if mix is not None:
        for key, (first, *_, last) in plain.items():
            x[key][0] = mix(first, last)
    return x


def _rows(drawn):
    """What was drawn for a group, as a list of what was drawn for each row."""
    columns = [tf.unstack(values) for values in tf.nest.flatten(drawn)]
    return [tf.nest.pack_sequence_as(drawn, row) for row in zip(*columns)]
