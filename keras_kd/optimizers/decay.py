"""Weight decay apart from the learning rate, for every optimizer of a recipe."""

import re
import warnings

import keras
import numpy as np
import tensorflow as tf


class DecoupledDecay:
    """Mixin for a `keras.optimizers.Optimizer`: takes a share of each decayed weight away.

    The share is `weight_decay * lr / peak_lr`: the rate's shape over the steps, not its size. The
    peak is a schedule's own; of a constant rate the one that the optimizer was made with, so that
    decay falls with a rate that is set from outside (`ReduceLROnPlateau`,
    `optimizer.learning_rate = ...`).
    """

    def _set_decay(self, weight_decay, decay_filter, learning_rate, peak_learning_rate=None):
        """To be called in `__init__`; refuses a decay or a rate that cannot work."""
        weight_decay = float(weight_decay)
        if not 0.0 <= weight_decay < 1.0:
            raise ValueError(
                f"weight_decay must be in [0, 1). Received: weight_decay={weight_decay}."
            )
        # Keras's own `weight_decay` stays unset: it would multiply by the learning rate.
        self.decoupled_weight_decay = weight_decay
        self.decay_filter = decay_filter
        self._set_peak(learning_rate, peak_learning_rate)
        self._decayed = []

    def _set_peak(self, learning_rate, peak_learning_rate=None):
        self._scheduled = callable(learning_rate) or isinstance(learning_rate, dict)
        self._peak = _peak(learning_rate) if peak_learning_rate is None else peak_learning_rate
        if self.decoupled_weight_decay and not self._peak:
            raise ValueError(
                "Weight decay is scaled by lr / peak, so the rate must tell its peak, above 0. "
                f"Received: learning_rate={learning_rate!r}. Give the optimizer "
                "peak_learning_rate=..., the highest rate of the run, or use "
                "keras_kd.optimizers.WarmupCosine."
            )

    @property
    def learning_rate(self):
        return super().learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        super(DecoupledDecay, type(self)).learning_rate.fset(self, learning_rate)
        if isinstance(learning_rate, float | int | np.floating):
            self._warn_above_peak(float(learning_rate))
        if callable(learning_rate):  # a schedule in a constant's place brings a peak of its own
            self._set_peak(learning_rate)

    def _warn_above_peak(self, rate):
        if self.decoupled_weight_decay and not self._scheduled and rate > self._peak * 1.0001:
            warnings.warn(
                "Weight decay is full at the peak of the learning rate, and more above it. "
                f"Received: learning_rate={rate:.6g}, peak_learning_rate={self._peak:.6g}, so "
                f"weight_decay={self.decoupled_weight_decay:.6g} is now "
                f"{self.decoupled_weight_decay * rate / self._peak:.6g} a step. Give the optimizer "
                "peak_learning_rate=..., the highest rate of the run.",
                stacklevel=4,
            )

    def _find_decayed(self, variables):
        """To be called in `build`."""
        self._decayed = [bool(re.search(self.decay_filter, v.name)) for v in variables]

    def _decay(self, variable, learning_rate):
        """To be called before a variable's step."""
        if self.decoupled_weight_decay and self._decayed[self._get_variable_index(variable)]:
            share = self.decoupled_weight_decay * self._share_of_peak(learning_rate)
            self.assign_sub(variable, variable * tf.cast(share, variable.dtype))

    def _share_of_peak(self, learning_rate):
        rate = tf.cast(learning_rate, "float32")
        share = rate / self._peak
        # Graph optimizers multiply by 1 / peak: at a constant rate x / x might not be 1.
        return share if self._scheduled else tf.where(tf.equal(rate, self._peak), 1.0, share)

    def _decay_config(self):
        return {
            "weight_decay": self.decoupled_weight_decay,
            "decay_filter": self.decay_filter,
            "peak_learning_rate": self._peak,
        }


def _peak(learning_rate):
    """The rate at which decay is full, a float, or None where it is not known."""
    if isinstance(learning_rate, dict):  # a schedule on its way back from a config
        learning_rate = keras.optimizers.schedules.deserialize(learning_rate)
    if not callable(learning_rate):
        return float(learning_rate)
    told = getattr(learning_rate, "peak_learning_rate", None)
    # Keras's own schedules: `CosineDecay` may rise to `warmup_target` first.
    names = ("initial_learning_rate", "warmup_target")
    rates = [told] if told else [getattr(learning_rate, name, None) for name in names]
    rates = [float(rate) for rate in [*rates, *getattr(learning_rate, "values", ())] if rate]
    return max(rates, default=None)
