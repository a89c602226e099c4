"""The batch dict: what one training step knows, by name."""

import functools

import keras
import tensorflow as tf
from keras import ops


def once_arrived(step):
    """Decorator of a model's step: nothing in it happens before its batch is there.

    Where the length of the data is not known, their end is found by asking for one batch more. A
    counter or a metric that needs none of its values would count that batch, which is none.
    """

    @functools.wraps(step)
    def waiting(self, data):
        present = [value for value in tf.nest.flatten(data) if value is not None]
        with tf.control_dependencies(present):
            return step(self, data)

    return waiting


def unpack(data):
    """The batch dict: the images' views, `labels`, `id`, `sample_weight`, where they exist."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    batch = dict(x) if isinstance(x, dict) else {"image": x}
    if sample_weight is not None:
        sample_weight = one_per_example(sample_weight)
    extra = {"labels": y, "sample_weight": sample_weight}
    return batch | {name: value for name, value in extra.items() if value is not None}


def view(batch, role, instead=""):
    """What a model sees: its own view of the batch, else that of the role `instead`, if any, else
    the image that all share."""
    if not isinstance(batch, dict):
        return batch
    if instead and role not in batch:
        role = instead
    if role not in batch and "image" not in batch:
        raise ValueError(
            f"A batch dict needs '{role}' or 'image'. Received: batch with {sorted(batch)}."
        )
    return batch[role] if role in batch else batch["image"]


def one_per_example(sample_weight):
    """`sample_weight` as float32 `[B]`; a column `[B, 1]` would broadcast to `[B, B]`."""
    shape = tuple(sample_weight.shape)
    if len(shape) == 1 or shape[1:] == (1,):
        return ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
    raise ValueError(
        f"sample_weight must hold one number per example. Received: sample_weight of shape {shape}."
    )


def weight_of(batch):
    """The examples' weights `[B]`, or 1."""
    return batch.get("sample_weight", 1.0)
