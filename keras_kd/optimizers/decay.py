"""Weight decay apart from the learning rate, for every optimizer of a recipe."""

import re

import keras
import tensorflow as tf


class DecoupledDecay:
    """Mixin for a `keras.optimizers.Optimizer`: takes a share of each decayed weight away.

    The share is `weight_decay * lr(step) / peak_lr`: the schedule's shape, not its size.
    """

    def _set_decay(self, weight_decay, decay_filter, learning_rate):
        """To be called in `__init__`; refuses a decay or a schedule that cannot work."""
        weight_decay = float(weight_decay)
        if not 0.0 <= weight_decay < 1.0:
            raise ValueError(
                f"weight_decay must be in [0, 1). Received: weight_decay={weight_decay}."
            )
        # Keras's own `weight_decay` stays unset: it would multiply by the learning rate.
        self.decoupled_weight_decay = weight_decay
        self.decay_filter = decay_filter
        self._peak = _peak(learning_rate)
        self._decayed = []

    def _find_decayed(self, variables):
        """To be called in `build`."""
        self._decayed = [bool(re.search(self.decay_filter, v.name)) for v in variables]

    def _decay(self, variable, learning_rate):
        """To be called before a variable's step."""
        if self.decoupled_weight_decay and self._decayed[self._get_variable_index(variable)]:
            share = self.decoupled_weight_decay * self._schedule_shape(learning_rate)
            self.assign_sub(variable, variable * tf.cast(share, variable.dtype))

    def _schedule_shape(self, learning_rate):
        return 1.0 if self._peak is None else tf.cast(learning_rate, "float32") / self._peak

    def _decay_config(self):
        return {"weight_decay": self.decoupled_weight_decay, "decay_filter": self.decay_filter}


def _peak(learning_rate):
    """The rate at which a schedule decays in full; None for a constant rate."""
    if isinstance(learning_rate, dict):  # a schedule on its way back from a config
        learning_rate = keras.optimizers.schedules.deserialize(learning_rate)
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        return None
    for name in ("peak_learning_rate", "initial_learning_rate"):
        peak = getattr(learning_rate, name, None)
        if peak:
            return float(peak)
    raise ValueError(
        "Weight decay is scaled by lr / peak, so a schedule must tell its peak. "
        f"Received: learning_rate={learning_rate!r}. Give it an attribute peak_learning_rate, or "
        "use keras_kd.optimizers.WarmupCosine."
    )
