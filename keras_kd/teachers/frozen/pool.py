"""Frozen teachers whose combination looks at a step's draw or labels: each with its own engine."""

import tensorflow as tf

from keras_kd.teachers.ensemble import refuse_taps, taught


class FrozenPool:
    """An ensemble that `freeze` made, member by member: images to float32 logits `[B, K]`.

    Called, it answers as the ensemble at rest; in a training step the combination says who runs.

    Args:
        ensemble: a `keras_kd.teachers.Ensemble`.
        members: its members, each frozen.
    """

    trainable = False

    def __init__(self, ensemble, members):
        self._ensemble = lambda: ensemble
        self._members = lambda: members
        self.name = ensemble.name
        self.input_shape, self.output_shape = ensemble.input_shape, ensemble.output_shape
        self.inputs, self.outputs = ensemble.inputs, ensemble.outputs
        self.facts = {"engine": self.engine, "members": [one.facts for one in members]}

    @property
    def engine(self):
        """The names of the engines that run it."""
        return "+".join(dict.fromkeys(one.engine for one in self._members()))

    @property
    def output(self):
        """The symbolic logits."""
        return self._ensemble().output

    @property
    def original(self):
        """The ensemble that it was made from."""
        return self._ensemble()

    def count_params(self):
        """The number of the original's parameters, before folding."""
        return self._ensemble().count_params()

    def with_taps(self, names):
        """The same pool, for no names; ValueError for any."""
        refuse_taps(self._ensemble(), names)
        return self

    def outputs_at(self, images, seed, labels=None):
        """As of the ensemble."""
        logits = taught(self._ensemble().combination(), self._members(), images, seed, labels)
        return tf.stop_gradient(logits)

    def __call__(self, images, training=False):
        logits = [member(images) for member in self._members()]
        return tf.stop_gradient(self._ensemble().combine(logits))
