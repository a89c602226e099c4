"""Shampoo against a float64 NumPy implementation written from the papers, and its limit cases."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.optimizers import Shampoo, WarmupCosine

# A dense kernel, a convolution, a depthwise one, one output, and what is not preconditioned.
SHAPES = {
    "dense/kernel": (7, 6),
    "conv/kernel": (3, 3, 3, 5),
    "depthwise/kernel": (3, 3, 9, 1),
    "top/kernel": (9, 1),
    "bias": (5,),
    "scale": (),
}
# How each is seen: the squarest of the matrices that parting the axes in two can give.
MATRICES = {
    "dense/kernel": (7, 6),
    "conv/kernel": (9, 15),
    "depthwise/kernel": (9, 9),
    "top/kernel": (9, 1),
}


class Reference:
    """Shampoo block by block, in NumPy's float64."""

    def __init__(self, **settings):
        vars(self).update(settings)
        self.state = {}

    def cuts(self, length):
        parts = -(-length // self.block_size)
        step = -(-length // parts)
        return [slice(i, min(i + step, length)) for i in range(0, length, step)]

    def root(self, matrix):
        ridge = self.matrix_epsilon * np.linalg.norm(matrix)
        values, vectors = np.linalg.eigh(matrix + ridge * np.eye(len(matrix)))
        return vectors @ np.diag(values**-0.25) @ vectors.T

    def preconditioned(self, name, g, step):
        matrix = g.reshape(MATRICES[name])
        result = np.zeros_like(matrix)
        for i, rows in enumerate(self.cuts(matrix.shape[0])):
            for j, columns in enumerate(self.cuts(matrix.shape[1])):
                block = matrix[rows, columns]
                sides = (block @ block.T, block.T @ block)
                state = self.state.setdefault(
                    (name, i, j), {"mean": [np.zeros_like(s) for s in sides]}
                )
                state["mean"] = [
                    self.beta_2 * m + (1 - self.beta_2) * s for m, s in zip(state["mean"], sides)
                ]
                if step < self.start:
                    continue
                if (step - self.start) % self.interval == 0:
                    state["roots"] = [self.root(m) for m in state["mean"]]
                left, right = state["roots"]
                result[rows, columns] = left @ block @ right
        return result.reshape(g.shape)

    def step(self, name, w, g, step, rate, share):
        state = self.state.setdefault(name, {"m": np.zeros_like(g), "v": np.zeros_like(g)})
        state["v"] = self.beta_2 * state["v"] + (1 - self.beta_2) * g**2
        correction = 1 - self.beta_2 ** (step + 1) if self.grafting == "adam" else 1.0
        direction = g / (np.sqrt(state["v"] / correction) + 1e-8)
        if self.grafting == "sgd":
            direction = g
        if name in MATRICES:
            shampoo = self.preconditioned(name, g, step)
            if step >= self.start:
                direction = shampoo * np.linalg.norm(direction) / np.linalg.norm(shampoo)
        b = self.momentum
        state["m"] = b * state["m"] + (1 - b) * direction
        mean, count = state["m"], step + 1
        if self.nesterov:
            mean, count = b * mean + (1 - b) * direction, count + 1
        mean = mean / (1 - b**count)
        return w - (share * w if "kernel" in name else 0.0) - rate * mean


def problem(steps=9):
    rng = np.random.default_rng(0)
    start = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    gradients = [
        {name: rng.normal(size=shape) for name, shape in SHAPES.items()} for _ in range(steps)
    ]
    return start, gradients


def variables(start):
    return [
        keras.Variable(value, dtype="float32", name=name.split("/")[-1])
        for name, value in start.items()
    ]


def apply(optimizer, weights, grads):
    optimizer.apply([tf.constant(g, "float32") for g in grads.values()], weights)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.0, "nesterov": False},
        {"nesterov": False, "grafting": "sgd"},
        # After one step L and R have rank one, and the ridge alone keeps float32's rounding small.
        {
            "grafting": "rmsprop",
            "block_size": 128,
            "interval": 1,
            "start": 0,
            "matrix_epsilon": 1e-3,
        },
        {"block_size": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("root", ["eigh", "newton"])
def test_every_step_equals_numpy(settings, root):
    settings = {
        "momentum": 0.9,
        "nesterov": True,
        "beta_2": 0.95,
        "block_size": 4,
        "interval": 3,
        "start": 2,
        "grafting": "adam",
        # L and R are kept in float32, whose rounding a ridge of 1e-6 would show to four digits.
        "matrix_epsilon": 1e-4,
    } | settings
    start, gradients = problem()
    reference = Reference(**settings)
    optimizer = Shampoo(
        WarmupCosine(0.1, total_steps=10, warmup_steps=2),
        weight_decay=0.2,
        inverse_root=root,
        **settings,
    )
    weights, expected = variables(start), dict(start)
    for step, grads in enumerate(gradients):
        shape = min(step / 2, 1) * 0.5 * (1 + np.cos(np.pi * max(step - 2, 0) / 8))
        expected = {
            name: reference.step(name, w, grads[name], step, 0.1 * shape, 0.2 * shape)
            for name, w in expected.items()
        }
        apply(optimizer, weights, grads)
        for got, (name, wanted) in zip(weights, expected.items()):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-6, err_msg=f"{name} {step}")


def network():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(6, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


def fit(optimizer=None, epochs=6, **compile_arguments):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 32)
    model = network()
    optimizer = optimizer or Shampoo(0.01, start=2, interval=2, global_clipnorm=1.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **compile_arguments)
    history = model.fit(x, y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return model, history.history["loss"]


def test_a_model_learns_and_a_graph_is_the_same():
    eager, losses = fit(run_eagerly=True, jit_compile=False)
    assert losses[-1] < 0.3 * losses[0]
    model, _ = fit(jit_compile=False)
    for a, b in zip(model.weights, eager.weights):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=a.path)


@pytest.mark.parametrize("root", ["eigh", "newton"])
def test_xla_is_the_same(root):
    start, gradients = problem(4)
    names = ("dense/kernel", "bias")  # compiling takes most of the time
    plain, compiled = (variables({name: start[name] for name in names}) for _ in range(2))
    optimizers = [
        Shampoo(0.1, start=1, interval=2, inverse_root=root, matrix_epsilon=1e-4) for _ in range(2)
    ]
    optimizers[1].build(compiled)
    step = tf.function(lambda g: optimizers[1].apply(g, compiled), jit_compile=True)
    for grads in gradients:
        apply(optimizers[0], plain, {name: grads[name] for name in names})
        step([tf.constant(grads[name], "float32") for name in names])
    for a, b in zip(compiled, plain):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_state_goes_on_from_a_saved_model(tmp_path):
    start, gradients = problem()
    whole, weights = Shampoo(0.1, block_size=4, start=2, interval=3), variables(start)
    for grads in gradients:
        apply(whole, weights, grads)
    first, resumed = Shampoo(0.1, block_size=4, start=2, interval=3), variables(start)
    for grads in gradients[:4]:  # stops between two computations of the roots
        apply(first, resumed, grads)
    second = keras.optimizers.deserialize(keras.optimizers.serialize(first))
    second.build(resumed)
    assert len(second.variables) == len(first.variables)
    for target, source in zip(second.variables, first.variables):
        target.assign(source)
    for grads in gradients[4:]:
        apply(second, resumed, grads)
    for a, b in zip(weights, resumed):
        np.testing.assert_array_equal(a, b)


def test_loss_scaling_leaves_the_step_as_it_is():
    """Unscaled gradients arrive; an overflow leaves weights, L, R and roots alone."""
    start, gradients = problem(4)
    plain, scaled = variables(start), variables(start)
    inner = Shampoo(0.1, block_size=4, start=1, interval=1)
    scaling = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    optimizer = Shampoo(0.1, block_size=4, start=1, interval=1)
    for grads in gradients:
        apply(optimizer, plain, grads)
        apply(scaling, scaled, {name: g * 1024.0 for name, g in grads.items()})
    for a, b in zip(plain, scaled):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    before = [v.numpy() for v in [*scaled, *inner.variables]]
    apply(scaling, scaled, {name: g * np.inf for name, g in gradients[0].items()})
    for a, b in zip(before, [*scaled, *inner.variables]):
        np.testing.assert_array_equal(a, b)


def test_gradients_that_are_zero_or_missing():
    start, gradients = problem(3)
    optimizer, weights = Shampoo(0.1, start=0, interval=1), variables(start)
    apply(optimizer, weights, {name: 0 * g for name, g in gradients[0].items()})
    for got, wanted in zip(weights, start.values()):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    optimizer.apply(
        [None, *(tf.constant(g, "float32") for g in list(gradients[1].values())[1:])], weights
    )
    np.testing.assert_allclose(weights[0], start["dense/kernel"], rtol=1e-6)
    assert all(np.isfinite(w).all() for w in weights)
    assert np.abs(weights[1] - start["conv/kernel"]).max() > 0.01


def test_whitens_a_badly_scaled_problem():
    """On a quadratic whose rows and columns differ a thousandfold, Shampoo needs fewer steps."""
    rng = np.random.default_rng(0)
    left, right = (
        np.linalg.qr(rng.normal(size=(10, 10)))[0] * np.logspace(0, -1.5, 10) for _ in range(2)
    )
    target = rng.normal(size=(10, 10))

    left, right, target = (tf.constant(a, "float32") for a in (left, right, target))

    def steps_to(optimizer, goal=1e-2, limit=200):
        w = keras.Variable(np.zeros((10, 10)), dtype="float32", name="kernel")
        optimizer.build([w])

        @tf.function
        def step():
            error = tf.matmul(left, w - target, transpose_a=True) @ right
            optimizer.apply([left @ tf.matmul(error, right, transpose_b=True)], [w])
            return tf.reduce_sum(error * error)

        losses = [float(step()) for _ in range(limit)]
        return next((i for i, loss in enumerate(losses) if loss < goal * losses[0]), limit)

    rates = (1.0, 0.3, 0.1, 0.03)
    shampoo = min(steps_to(Shampoo(rate, interval=1, start=1)) for rate in rates)
    adam = min(steps_to(keras.optimizers.Adam(rate)) for rate in rates)
    assert shampoo < 0.7 * adam


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ({"momentum": 1.0}, "Received: momentum=1.0"),
        ({"beta_2": 0.0}, "Received: beta_2=0.0"),
        ({"block_size": 0}, "Received: block_size=0"),
        ({"interval": 2.5}, "Received: interval=2.5"),
        ({"start": -1}, "Received: start=-1"),
        ({"grafting": "lamb"}, "Received: grafting='lamb'"),
        ({"epsilon": 0.0}, "Received: epsilon=0.0"),
        ({"matrix_epsilon": 0.0}, "Received: matrix_epsilon=0.0"),
        ({"inverse_root": "svd"}, "Received: inverse_root='svd'"),
        ({"weight_decay": -0.1}, "Received: weight_decay=-0.1"),
    ],
)
def test_bad_arguments(argument, text):
    with pytest.raises(ValueError, match=text):
        Shampoo(0.1, **argument)
