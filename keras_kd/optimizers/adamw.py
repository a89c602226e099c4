"""AdamW as the recipes mean it: weight decay apart from the learning rate."""

import keras
import tensorflow as tf

from keras_kd.optimizers.decay import DecoupledDecay


@keras.saving.register_keras_serializable(package="keras_kd")
class AdamW(DecoupledDecay, keras.optimizers.Adam):
    """Adam with decoupled weight decay that is *not* multiplied by the learning rate.

    A step takes `weight_decay * lr(step) / peak_lr` of each decayed weight away, then makes
    Adam's step. At a constant rate this is TensorFlow Addons' AdamW; under a schedule it is the
    optimizer chain of Beyer et al. 2021: decay follows the schedule's shape, not its size. A rate
    that a callback lowers takes decay down with it.
    `keras.optimizers.AdamW` multiplies decay by the rate, so a recipe's `weight_decay=1e-3` at
    a rate of 3e-3 would decay 333 times too little there.

    Args:
        learning_rate: float above 0, or a schedule.
        weight_decay: share of a weight that a full step takes away; at least 0.
        decay_filter: regular expression searched in a variable's name; only matches decay.
            Default: kernels only, no biases and no normalisation weights.
        global_clipnorm: largest norm of all gradients together, or None.
        peak_learning_rate: the rate at which decay is full; by default a schedule's own
            (`peak_learning_rate`, or the highest that Keras's schedules start from or warm up to),
            and a constant rate itself.
        momentum_dtype: "bfloat16" to keep the first moment in half the memory from step to step,
            as the paper's runs do; the step itself uses its value before rounding, and adds
            epsilon where the paper's code does. None or "float32" for the variable's own type.
        **kwargs: as for `keras.optimizers.Adam`. The paper's code has `epsilon=1e-8`.

    Raises:
        ValueError: a negative weight decay, a rate whose peak is not known, or another
            type of the first moment.

    Reference: Loshchilov, Hutter 2019, arXiv 1711.05101.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.0,
        decay_filter="kernel$",
        global_clipnorm=None,
        name="adamw",
        momentum_dtype=None,
        peak_learning_rate=None,
        **kwargs,
    ):
        super().__init__(learning_rate, global_clipnorm=global_clipnorm, name=name, **kwargs)
        self._set_decay(weight_decay, decay_filter, learning_rate, peak_learning_rate)
        if momentum_dtype == "float32":
            momentum_dtype = None
        if momentum_dtype not in (None, "bfloat16"):
            raise ValueError(
                "momentum_dtype must be None, 'float32' or 'bfloat16'. "
                f"Received: momentum_dtype={momentum_dtype!r}."
            )
        if momentum_dtype and self.amsgrad:
            raise ValueError(
                "momentum_dtype is not for amsgrad. Received: amsgrad=True, "
                f"momentum_dtype={momentum_dtype!r}. Leave one of them out."
            )
        self.momentum_dtype = momentum_dtype

    def build(self, variables):
        super().build(variables)
        self._find_decayed(variables)

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """As in Keras, with the first moment in its own type."""
        if name != "momentum" or self.momentum_dtype is None:
            return super().add_variable_from_reference(reference_variable, name, initializer)
        path = getattr(reference_variable, "path", reference_variable.name)
        return self.add_variable(
            reference_variable.shape,
            initializer,
            self.momentum_dtype,
            name=f"{path.replace('/', '_')}_{name}",
        )

    def update_step(self, gradient, variable, learning_rate):
        """Takes the decay away, then makes Adam's step (which does not look at the weight)."""
        self._decay(variable, learning_rate)
        if self.momentum_dtype:
            self._rounding_step(tf.convert_to_tensor(gradient), variable, learning_rate)
            return
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

    def _rounding_step(self, gradient, variable, learning_rate):
        """The step of the paper's chain, in float32; the first moment is rounded only to be kept.

        Epsilon is added after the correction of the bias, not before, as Keras and Addons do:
        it counts where gradients are as small.
        """
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        gradient = tf.cast(gradient, "float32")
        step = tf.cast(self.iterations + 1, "float32")
        m = self.beta_1 * tf.cast(momentum, "float32") + (1.0 - self.beta_1) * gradient
        v = self.beta_2 * tf.cast(velocity, "float32") + (1.0 - self.beta_2) * gradient**2
        self.assign(momentum, m)
        self.assign(velocity, v)
        m_hat, v_hat = m / (1.0 - self.beta_1**step), v / (1.0 - self.beta_2**step)
        rate = tf.cast(learning_rate, "float32")
        self.assign_sub(variable, rate * m_hat / (tf.sqrt(v_hat) + self.epsilon))

    def get_config(self):
        return {
            **super().get_config(),
            **self._decay_config(),
            "momentum_dtype": self.momentum_dtype,
        }
