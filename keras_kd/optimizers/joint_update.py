"""An optimizer that sees all gradients at once.

Keras updates one variable after another. Optimizers that batch work over variables override what
calls `update_step`, a private method of Keras's TensorFlow optimizer; it is overridden nowhere
else. Should Keras stop calling it, the first step fails: there is no `update_step` to fall back on.
"""


class JointUpdate:
    """Mixin for a `keras.optimizers.Optimizer` that defines `update_all` for `update_step`.

    `update_all(gradients, variables, learning_rate)` runs once a step and device, with the
    gradients summed over replicas; it may assign any variable of the model or the optimizer.
    """

    def _distributed_tf_update_step(self, distribution, grads_and_vars, learning_rate):
        gradients, variables = zip(*grads_and_vars)
        # One variable stands for all: inside, every mirrored variable is this device's own.
        distribution.extended.update(
            variables[0],
            lambda _, values, rate: self.update_all(values, variables, rate),
            args=(gradients, learning_rate),
            group=False,
        )
