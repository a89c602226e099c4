"""A memory of the images that a generator made, from which the student's are drawn."""

import keras
import tensorflow as tf
from keras import ops

from keras_kd.methods.by_example import over_replicas

MEMORY = "memory"


class ImageMemory(keras.layers.Layer):
    """The last images of a generator, on all replicas the same ones.

    Before any is written it holds uniform noise. Half precision is enough for pixels: it tells
    2,000 grey levels apart.

    Args:
        size: how many images it holds.
        shape: (height, width, channels) of an image.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, size, shape, **kwargs):
        super().__init__(name=MEMORY, **kwargs)
        self.size, self.shape = size, tuple(shape)

        def state(name, shape, dtype, initializer):
            return self.add_weight(
                shape=shape, initializer=initializer, dtype=dtype, trainable=False,
                aggregation="only_first_replica", name=name,
            )  # fmt: skip

        noise = keras.initializers.RandomUniform(-1.0, 1.0, seed=0)
        self.images = state("images", (size, *self.shape), "float16", noise)
        self.written = state("written", (), "int64", "zeros")
        self.start = state("start", (), "int64", "zeros")
        self.built = True

    def begin_step(self):
        """What is written until the next call stands in one place: the last of it stays."""
        self.start.assign(self.written)

    def write(self, images):
        """Puts the images of all replicas, float `[B, H, W, C]`, in the place of the oldest."""
        images = over_replicas(ops.cast(images, "float16"))[-self.size :]
        count = ops.cast(ops.shape(images)[0], "int64")
        rows = (self.start + ops.arange(count, dtype="int64")) % self.size
        self.images.value.scatter_update(tf.IndexedSlices(images, rows))
        self.written.assign(self.start + count)

    def drawn(self, noise):
        """Images of the memory, each as likely as any other.

        Args:
            noise: float32 `[B, 1]`, normal.

        Returns:
            float32 `[B, H, W, C]`.
        """
        there = ops.where(self.written > 0, ops.minimum(self.written, self.size), self.size)
        share = 0.5 * (1.0 + ops.erf(noise[:, 0] / 2.0**0.5))
        rows = ops.cast(share * ops.cast(there, "float32"), "int64")
        return ops.cast(ops.take(self.images, ops.minimum(rows, there - 1), axis=0), "float32")

    def network(self):
        """A model without weights from normal noise `[B, 1]` to `drawn`."""
        noise = keras.Input((1,), name="noise")
        return keras.Model(noise, _Drawn(self)(noise), name=MEMORY)


class _Drawn(keras.layers.Layer):
    """What a memory draws; the weights stay the memory's own."""

    def __init__(self, memory):
        super().__init__(dtype="float32", name="image")
        self._memory = lambda: memory  # behind a closure, which Keras does not follow

    def call(self, noise):
        return self._memory().drawn(noise)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self._memory().shape)
