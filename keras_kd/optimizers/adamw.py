"""AdamW as the recipes mean it: weight decay apart from the learning rate."""

import re

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_kd")
class AdamW(keras.optimizers.Adam):
    """Adam with decoupled weight decay that is *not* multiplied by the learning rate.

    A step takes `weight_decay * lr(step) / peak_lr` of each decayed weight away, then makes
    Adam's step. At a constant rate this is TensorFlow Addons' AdamW; under a schedule it is the
    optimizer chain of Beyer et al. 2021: decay follows the schedule's shape, not its size.
    `keras.optimizers.AdamW` multiplies decay by the rate, so a recipe's `weight_decay=1e-3` at
    a rate of 3e-3 would decay 333 times too little there.

    Args:
        learning_rate: float above 0, or a schedule. A schedule's `peak_learning_rate` (or
            `initial_learning_rate`) is the rate at which decay is full.
        weight_decay: share of a weight that a full step takes away; at least 0.
        decay_filter: regular expression searched in a variable's name; only matches decay.
            Default: kernels only, no biases and no normalisation weights.
        global_clipnorm: largest norm of all gradients together, or None.
        **kwargs: as for `keras.optimizers.Adam`.

    Raises:
        ValueError: a negative weight decay, or a schedule that does not tell its peak.

    Reference: Loshchilov, Hutter 2019, arXiv 1711.05101.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.0,
        decay_filter="kernel$",
        global_clipnorm=None,
        name="adamw",
        **kwargs,
    ):
        # Keras's own `weight_decay` stays unset: it would multiply by the learning rate.
        super().__init__(learning_rate, global_clipnorm=global_clipnorm, name=name, **kwargs)
        weight_decay = float(weight_decay)
        if not 0.0 <= weight_decay < 1.0:
            raise ValueError(
                f"weight_decay must be in [0, 1). Received: weight_decay={weight_decay}."
            )
        self.decoupled_weight_decay = weight_decay
        self.decay_filter = decay_filter
        self._peak = _peak(learning_rate)
        self._decayed = []

    def build(self, variables):
        super().build(variables)
        self._decayed = [bool(re.search(self.decay_filter, v.name)) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Takes the decay away, then makes Adam's step (which does not look at the weight)."""
        if self.decoupled_weight_decay and self._decayed[self._get_variable_index(variable)]:
            share = self.decoupled_weight_decay * self._schedule_shape(learning_rate)
            self.assign_sub(variable, variable * tf.cast(share, variable.dtype))
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
        else:
            self._fused_step(tf.cast(gradient, variable.dtype), variable, learning_rate)

    def _fused_step(self, gradient, variable, learning_rate):
        """Adam's step in one pass over the memory; Keras writes it as ten operations."""

        def scalar(value):
            return tf.cast(value, variable.dtype)

        index = self._get_variable_index(variable)
        step = scalar(self.iterations + 1)
        if isinstance(variable, keras.Variable):
            variable = variable.value
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=scalar(self.beta_1) ** step,
            beta2_power=scalar(self.beta_2) ** step,
            lr=scalar(learning_rate),
            beta1=scalar(self.beta_1),
            beta2=scalar(self.beta_2),
            epsilon=scalar(self.epsilon),
            grad=gradient,
        )

    def _schedule_shape(self, learning_rate):
        return 1.0 if self._peak is None else tf.cast(learning_rate, "float32") / self._peak

    def get_config(self):
        return {
            **super().get_config(),
            "weight_decay": self.decoupled_weight_decay,
            "decay_filter": self.decay_filter,
        }


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
        "AdamW scales its weight decay by lr / peak, so a schedule must tell its peak. "
        f"Received: learning_rate={learning_rate!r}. Give it an attribute peak_learning_rate, or "
        "use keras_kd.optimizers.WarmupCosine."
    )
