"""What the adversarial losses share: critics, which tell a teacher's features from a student's."""

import math

import keras

from keras_kd.methods.arguments import integer
from keras_kd.methods.base import Method
from keras_kd.methods.features import FeatureMethod, average_pool, flat
from keras_kd.models.taps import with_taps

CRITIC = "critic"  # also the phase in which critics learn


def shortened(x, size):
    """A feature as a vector of a given length, by adaptive average pooling of all its numbers.

    Args:
        x: float32 `[B, ...]`.
        size: numbers; a shorter feature stays as it is.

    Returns:
        float32 `[B, at most size]`.
    """
    x = flat(x)
    return average_pool(x[:, None, :, None], 1, min(size, x.shape[1]))[:, 0, :, 0]


def critic(sizes, outputs=1, width=0):
    """A network of two hidden layers for each of several vectors.

    Args:
        sizes: length of each vector.
        outputs: numbers that each network gives.
        width: units of its first hidden layer, twice those of the second; 0: half the vector's.

    Returns:
        a `keras.Model` from a list of `[B, size]` to `[B, len(sizes), outputs]`, in float32.
    """
    layers = keras.layers
    vectors = [keras.Input((size,), dtype="float32") for size in sizes]
    rows = []
    for vector, size in zip(vectors, sizes):
        units = width or max(2, size // 2)
        x = vector
        for wide in (units, max(2, units // 2)):
            x = layers.LeakyReLU(0.2, dtype="float32")(layers.Dense(wide, dtype="float32")(x))
        x = layers.Dense(outputs, dtype="float32")(x)
        rows.append(layers.Reshape((1, outputs), dtype="float32")(x))
    answer = layers.Concatenate(axis=1, dtype="float32")(rows) if len(rows) > 1 else rows[0]
    return keras.Model(vectors, answer, name=CRITIC)


class VectorMethod(FeatureMethod):
    """Base of the methods that show tapped features to a critic, as vectors of one length.

    Args:
        size: length of the vectors; a feature of fewer numbers, in any network, sets it.
        **kwargs: as for `FeatureMethod`.

    Attributes:
        taps: dict from the name of a network to the layers of it that are tapped.
    """

    def __init__(self, size=500, **kwargs):
        super().__init__(**kwargs)
        self.size = integer(size=size)

    @property
    def taps(self):
        return {self.learner: self.student_taps, self.source: self.teacher_taps}

    def set_sizes(self, given):
        """Chooses the vectors' lengths by the features of the networks; returns them.

        Args:
            given: dict of the model's networks by name.

        Raises:
            ValueError: a network that is not there, or taps that are no maps of known size.
        """
        for name in self.taps:
            if name not in given:
                raise ValueError(
                    f"{self.name} taps layers of several networks, so it needs all. Received: "
                    f"{name!r}, and networks {', '.join(given)}. Give it to KDModel by this name."
                )
        outputs = [with_taps(given[name], taps).output for name, taps in self.taps.items()]
        own, *others = [{tap: x.shape for tap, x in one.items()} for one in outputs]
        self._sizes = [self.size] * len(self.student_taps)
        for other in others:
            for index, pair in enumerate(self.shape_pairs(own, other)):
                numbers = [math.prod(shape[1:]) for shape in pair]
                self._sizes[index] = min(self._sizes[index], *numbers)
        return self._sizes

    def vectors(self, outputs, name):
        """The tapped features of a network's outputs dict as vectors, a list."""
        return [shortened(outputs[tap], size) for tap, size in zip(self.taps[name], self._sizes)]

    def get_config(self):
        return {**super().get_config(), "size": self.size}


class CriticLoss(Method):
    """Base of the losses that a `VectorMethod` brings: its critic's, and those that fool it.

    Args:
        method: the `VectorMethod`.
        **kwargs: as for `Method`, but for the taps, which are those of `method`.
    """

    def __init__(self, method, **kwargs):
        super().__init__(**kwargs)
        self.of = lambda: method  # a closure: it is not a part of this one
        self.student_taps = method.taps.get(self.learner, ())

    def taps_of_source(self, name):
        return self.of().taps.get(name, ())
