"""AdamW against the recipe's chain in float64 NumPy, and against what Keras would do instead."""

import keras
import numpy as np
import pytest

from keras_kd.optimizers import AdamW, WarmupCosine, build


def chain(weight, gradients, rate, decay, clip=None, peak=None):
    """Clip by global norm, Adam, decay by the schedule's shape; over a list of weights."""
    weights = [w.astype("float64") for w in weight]
    m = [np.zeros_like(w) for w in weights]
    v = [np.zeros_like(w) for w in weights]
    for step, grads in enumerate(gradients):
        lr = rate(step)
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        scale = min(1.0, clip / norm) if clip else 1.0
        for i, g in enumerate(grads):
            g = g.astype("float64") * scale
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            m_hat, v_hat = m[i] / (1 - 0.9 ** (step + 1)), v[i] / (1 - 0.999 ** (step + 1))
            shrink = decay[i] * lr / (peak or lr)
            weights[i] = weights[i] - lr * m_hat / (np.sqrt(v_hat) + 1e-7) - shrink * weights[i]
    return weights


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(3, 2)), rng.normal(size=2)]
    gradients = [[rng.normal(size=(3, 2)), rng.normal(size=2)] for _ in range(5)]
    return start, gradients


def run(optimizer, start, gradients):
    variables = [keras.Variable(w, name=name) for w, name in zip(start, ("kernel", "bias"))]
    for grads in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in grads], variables)
    return [v.numpy() for v in variables]


def test_constant_rate_decays_by_weight_decay_itself(problem):
    """As TensorFlow Addons: var -= wd * var, whatever the rate; kernels only."""
    start, gradients = problem
    expected = chain(start, gradients, lambda step: 3e-3, decay=(0.1, 0.0))
    result = run(AdamW(3e-3, weight_decay=0.1), start, gradients)
    for a, b in zip(result, expected):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    keras_own = run(keras.optimizers.AdamW(3e-3, weight_decay=0.1), start, gradients)
    assert np.abs(keras_own[0] - expected[0]).max() > 0.1


def test_under_a_schedule_decay_follows_its_shape_and_clipping_is_global(problem):
    start, gradients = problem
    schedule = WarmupCosine(0.01, total_steps=6, warmup_steps=2)

    def rate(step):
        return 0.01 * min(step / 2, 1) * 0.5 * (1 + np.cos(np.pi * max(step - 2, 0) / 4))

    expected = chain(start, gradients, rate, decay=(0.2, 0.0), clip=0.5, peak=0.01)
    result = run(AdamW(schedule, weight_decay=0.2, global_clipnorm=0.5), start, gradients)
    for a, b in zip(result, expected):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_zero_decay_is_adam(problem):
    """Steps of 0.01 agree with Keras's to 1e-4 of a step: the fused kernel rounds otherwise."""
    start, gradients = problem
    for a, b in zip(
        run(AdamW(0.01), start, gradients), run(keras.optimizers.Adam(0.01), start, gradients)
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_amsgrad_is_left_to_keras(problem):
    start, gradients = problem
    for a, b in zip(
        run(AdamW(0.01, amsgrad=True), start, gradients),
        run(keras.optimizers.Adam(0.01, amsgrad=True), start, gradients),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_config_round_trip(problem):
    start, gradients = problem
    optimizer = AdamW(WarmupCosine(0.01, 10, 2), weight_decay=0.1, global_clipnorm=1.0)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    for a, b in zip(run(optimizer, start, gradients), run(copy, start, gradients)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_impossible_decay_is_refused(decay):
    with pytest.raises(ValueError, match="weight_decay must be in"):
        AdamW(0.1, weight_decay=decay)


def test_a_schedule_without_a_peak_is_refused():
    class Constant(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    with pytest.raises(ValueError, match="must tell its peak"):
        AdamW(Constant(), weight_decay=0.1)


def test_build_by_name():
    assert isinstance(build("adamw", 0.1, weight_decay=0.1), AdamW)
    assert build("shampoo", 0.1, weight_decay=0.1).decoupled_weight_decay == 0.1
    assert build("sgd", 0.1, clip=2.0).global_clipnorm == 2.0
    with pytest.raises(ValueError, match="Did you mean 'sgd'"):
        build("sgdd", 0.1)
    with pytest.raises(ValueError, match="Only adamw and shampoo have weight decay"):
        build("sgd", 0.1, weight_decay=0.1)
