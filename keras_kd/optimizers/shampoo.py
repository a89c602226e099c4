"""Shampoo: a step that knows how the gradients of rows and of columns go together."""

import keras
import tensorflow as tf

from keras_kd.optimizers.blocks import ROOTS, Blocks, inverse_root
from keras_kd.optimizers.decay import DecoupledDecay
from keras_kd.optimizers.joint_update import JointUpdate
from keras_kd.utils.integers import is_integer

GRAFTINGS = ("adam", "rmsprop", "sgd")


@keras.saving.register_keras_serializable(package="keras_kd")
class Shampoo(JointUpdate, DecoupledDecay, keras.optimizers.Optimizer):
    """Preconditions each weight matrix from the left and from the right.

    For a gradient G `[m, n]`, L and R are running means of `G G^T` and `G^T G`, and the direction
    is `L^(-1/4) G R^(-1/4)`. Large weights are cut into blocks (see `Blocks`); blocks of one size
    are multiplied and rooted together. The direction of a whole weight gets the length that the
    grafted optimizer's step would have (so its learning rates carry over), then momentum. Biases
    and normalisation weights take the grafted optimizer's step alone.

    A gradient that is missing in a step counts as zero in L and R.

    Args:
        learning_rate: float above 0, or a schedule.
        weight_decay: as for `AdamW`: share of a weight that a full step takes away.
        decay_filter: as for `AdamW`: kernels only.
        momentum: share of the mean direction that is kept, in [0, 1); bias is corrected.
        nesterov: look ahead by one step of momentum.
        beta_2: share of L, R and of the grafted second moment that is kept, in (0, 1).
        block_size: largest side of a block, at least 1.
        interval: steps between two computations of the inverse roots.
        start: steps before preconditioning begins; until then the grafted optimizer alone.
        grafting: whose step's length is taken: "adam", "rmsprop" (Adam's without correction of
            its bias) or "sgd".
        epsilon: added to the root of the grafted second moment.
        matrix_epsilon: ridge of L and R relative to their norms, above 0.
        inverse_root: "eigh" or "newton", see `keras_kd.optimizers.blocks.inverse_root`.
        global_clipnorm: largest norm of all gradients together, or None.
        peak_learning_rate: as for `AdamW`: the rate at which decay is full.
        **kwargs: as for `keras.optimizers.Optimizer`.

    Raises:
        ValueError: an argument out of its range.

    References: Gupta et al. 2018, arXiv 1802.09568; blocks, grafting and delayed roots: Anil et
    al. 2020, arXiv 2002.09018.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.0,
        decay_filter="kernel$",
        momentum=0.9,
        nesterov=True,
        beta_2=0.99,
        block_size=128,
        interval=10,
        start=10,
        grafting="adam",
        epsilon=1e-8,
        matrix_epsilon=1e-6,
        inverse_root="eigh",
        global_clipnorm=None,
        name="shampoo",
        peak_learning_rate=None,
        **kwargs,
    ):
        super().__init__(learning_rate, global_clipnorm=global_clipnorm, name=name, **kwargs)
        self._set_decay(weight_decay, decay_filter, learning_rate, peak_learning_rate)
        self._settings = {
            "momentum": momentum,
            "nesterov": nesterov,
            "beta_2": beta_2,
            "block_size": block_size,
            "interval": interval,
            "start": start,
            "grafting": grafting,
            "epsilon": epsilon,
            "matrix_epsilon": matrix_epsilon,
            "inverse_root": inverse_root,
        }
        _check(self._settings)
        vars(self).update(self._settings)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._find_decayed(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")
        self._velocities = (
            None if self.grafting == "sgd" else self.add_optimizer_variables(variables, "velocity")
        )
        self._blocks = [
            Blocks(v.shape, self.block_size) if len(v.shape) > 1 else None for v in variables
        ]
        # Matrices of one size lie in one stack: first the L, then the R of each weight in turn.
        self._places, counts = [], {}
        for blocks in self._blocks:
            places = []
            for size in (blocks.height, blocks.width) if blocks else ():
                places.append((size, counts.get(size, 0)))
                counts[size] = counts.get(size, 0) + blocks.count
            self._places.append(places)
        self._sizes = sorted(counts)
        self._statistics, self._roots = (
            [
                self.add_variable(
                    (counts[size], size, size), "zeros", "float32", name=f"{what}_{size}"
                )
                for size in self._sizes
            ]
            for what in ("statistics", "roots")
        )

    def update_all(self, gradients, variables, learning_rate):
        """One step of all variables; see `JointUpdate`."""
        found = {
            self._get_variable_index(v): tf.cast(tf.convert_to_tensor(g), "float32")
            for g, v in zip(gradients, variables)
        }
        split = {
            index: blocks.split(found[index]) if index in found else None
            for index, blocks in enumerate(self._blocks)
            if blocks
        }
        self._update_statistics(split)
        started = self.iterations >= self.start
        self._refresh_roots(started)
        rate = tf.cast(learning_rate, "float32")
        for variable in variables:
            index = self._get_variable_index(variable)
            direction = self._grafted(index, found[index])
            if self._blocks[index]:
                shampoo = self._preconditioned(index, split[index])
                length = tf.norm(direction) / tf.maximum(tf.norm(shampoo), 1e-30)
                direction = tf.where(started, shampoo * length, direction)
            self._decay(variable, learning_rate)
            self.assign_sub(variable, rate * self._with_momentum(index, direction))

    def _update_statistics(self, split):
        products = {size: [] for size in self._sizes}
        for index, places in enumerate(self._places):
            for side, (size, _) in enumerate(places):
                g = split[index]
                if g is None:
                    products[size].append(tf.zeros((self._blocks[index].count, size, size)))
                else:
                    # L = G G^T first, then R = G^T G.
                    products[size].append(
                        tf.matmul(g, g, transpose_a=side == 1, transpose_b=side == 0)
                    )
        for statistics, size in zip(self._statistics, self._sizes):
            self._mean(statistics, tf.concat(products[size], 0), self.beta_2)

    def _refresh_roots(self, started):
        """Computes the roots anew at the first preconditioned step and then every `interval`."""

        def compute():
            for statistics, roots in zip(self._statistics, self._roots):
                value = tf.convert_to_tensor(statistics.value)
                # Two sides of a matrix: inverse fourth roots.
                root = inverse_root(value, 4, self.matrix_epsilon, self.inverse_root)
                self.assign(roots, root)
            return True

        due = tf.equal((self.iterations - self.start) % self.interval, 0)
        tf.cond(tf.logical_and(started, due), compute, lambda: False)

    def _preconditioned(self, index, g):
        def roots(place):
            size, offset = place
            stack = self._roots[self._sizes.index(size)].value
            return stack[offset : offset + self._blocks[index].count]

        left, right = self._places[index]
        return self._blocks[index].join(roots(left) @ g @ roots(right))

    def _grafted(self, index, g):
        """The step of the optimizer that is grafted, before momentum."""
        if self.grafting == "sgd":
            return g
        v = self._mean(self._velocities[index], g * g, self.beta_2)
        if self.grafting == "adam":
            v = v / (1.0 - self.beta_2 ** self._step())
        return g / (tf.sqrt(v) + self.epsilon)

    def _with_momentum(self, index, direction):
        if not self.momentum:
            return direction
        mean = self._mean(self._momentums[index], direction, self.momentum)
        step = self._step()
        if self.nesterov:
            mean = self.momentum * mean + (1.0 - self.momentum) * direction
            step = step + 1.0
        return mean / (1.0 - self.momentum**step)

    def _mean(self, variable, value, kept):
        """Moves a running mean towards `value`; returns it in float32."""
        mean = tf.cast(tf.convert_to_tensor(variable.value), "float32")
        mean = mean + (1.0 - kept) * (value - mean)
        self.assign(variable, mean)
        return mean

    def _step(self):
        """The number of this step, from 1, float32."""
        return tf.cast(self.iterations + 1, "float32")

    def get_config(self):
        return {**super().get_config(), **self._decay_config(), **self._settings}


# What each setting must be, and in words.
RULES = {
    "momentum": (lambda value: 0.0 <= value < 1.0, "in [0, 1)"),
    "beta_2": (lambda value: 0.0 < value < 1.0, "in (0, 1)"),
    "block_size": (is_integer, "a whole number of at least 1"),
    "interval": (is_integer, "a whole number of at least 1"),
    "start": (lambda value: is_integer(value, 0), "a whole number of at least 0"),
    "grafting": (GRAFTINGS.__contains__, f"one of {GRAFTINGS}"),
    "epsilon": (lambda value: value > 0.0, "above 0"),
    "matrix_epsilon": (lambda value: value > 0.0, "above 0"),
    "inverse_root": (ROOTS.__contains__, f"one of {tuple(ROOTS)}"),
}


def _check(settings):
    for name, (holds, wanted) in RULES.items():
        value = settings[name]
        if not holds(value):
            raise ValueError(f"{name} must be {wanted}. Received: {name}={value!r}.")
