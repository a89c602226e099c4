"""Weight decay under a rate that changes, by whoever's hand: it follows lr / peak."""

import warnings

import keras
import numpy as np
import pytest

from keras_kd.optimizers import AdamW, Shampoo, WarmupCosine

schedules = keras.optimizers.schedules
OURS = [AdamW, Shampoo]


def decays(optimizer, rates, decay_of=None):
    """The share that each step takes of a kernel whose gradient is 0: no other step moves it."""
    kernel = keras.Variable(np.full((2, 2), 8.0), name="kernel")
    shares, inner = [], decay_of or optimizer
    for rate in rates:
        if rate is not None:
            inner.learning_rate = rate
        before = kernel.numpy()
        optimizer.apply([keras.ops.zeros((2, 2))], [kernel])
        shares.append(float((1.0 - kernel.numpy() / before)[0, 0]))
    return shares


@pytest.mark.parametrize("optimizer", OURS)
def test_a_rate_set_from_outside_scales_it(optimizer):
    made = optimizer(0.01, weight_decay=0.1)
    shares = decays(made, [None, 0.01, 0.001, 1e-7, 0.02])
    np.testing.assert_allclose(shares, [0.1, 0.1, 0.01, 1e-6, 0.2], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("optimizer", OURS)
def test_a_constant_rate_decays_in_full_to_the_bit(optimizer):
    kernel = keras.Variable(np.linspace(-3, 3, 12).reshape(3, 4), name="kernel")
    expected = kernel.numpy()
    made = optimizer(0.0123, weight_decay=0.07)
    for _ in range(3):
        made.apply([keras.ops.zeros((3, 4))], [kernel])
        expected = expected - expected * np.float32(0.07)
    np.testing.assert_array_equal(kernel.numpy(), expected)


@pytest.mark.parametrize("optimizer", OURS)
def test_a_copy_of_an_optimizer_whose_rate_fell_keeps_the_peak(optimizer):
    made = optimizer(0.01, weight_decay=0.1)
    decays(made, [0.001])
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert decays(copy, [None]) == pytest.approx([0.01], rel=1e-3)


@pytest.mark.parametrize("optimizer", OURS)
def test_a_schedule_in_a_constants_place_brings_its_peak(optimizer):
    made = optimizer(0.5, weight_decay=0.1)
    made.learning_rate = WarmupCosine(0.02, total_steps=8, warmup_steps=4)
    np.testing.assert_allclose(decays(made, [None] * 5), [0, 0.025, 0.05, 0.075, 0.1], atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "peak"),
    [
        (WarmupCosine(0.3, 10), 0.3),
        (schedules.ExponentialDecay(0.2, 3, 0.5), 0.2),
        (schedules.PiecewiseConstantDecay([5], [0.2, 0.02]), 0.2),
        (schedules.CosineDecay(1e-5, 10, warmup_target=0.4, warmup_steps=5), 0.4),
        (schedules.CosineDecay(0.0, 10, warmup_target=0.4, warmup_steps=5), 0.4),
        (schedules.PolynomialDecay(0.1, 10), 0.1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_peak_of_keras_schedules(schedule, peak):
    """With a warm-up `initial_learning_rate` is the least rate, not the highest."""
    made = AdamW(schedule, weight_decay=0.1)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    for optimizer in (made, copy):
        expected = [0.1 * float(schedule(step)) / peak for step in range(6)]
        np.testing.assert_allclose(decays(optimizer, [None] * 6), expected, atol=1e-6)


def test_the_advice_of_a_rate_without_a_peak_works():
    class Constant(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    for rate in (Constant(), lambda: 0.1, 0.0):
        with pytest.raises(ValueError, match=r"peak_learning_rate=\.\.\., the highest"):
            AdamW(rate, weight_decay=0.1)
        made = AdamW(rate, weight_decay=0.1, peak_learning_rate=0.2)
        assert decays(made, [None]) == pytest.approx([0.1 * bool(rate) / 2], abs=1e-6)
    ramp = AdamW(0.0, weight_decay=0.1, peak_learning_rate=0.2)
    np.testing.assert_allclose(decays(ramp, [0.1, 0.2]), [0.05, 0.1], atol=1e-6)
    constant = AdamW(0.1, weight_decay=0.1)
    with pytest.raises(ValueError, match="must tell its peak"):
        constant.learning_rate = Constant()


def test_it_falls_under_loss_scaling_too():
    inner = AdamW(0.01, weight_decay=0.1)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    assert decays(scaled, [0.001], scaled) == pytest.approx([0.01], rel=1e-3)


@pytest.mark.parametrize("optimizer", OURS)
@pytest.mark.parametrize("callback", ["plateau", "scheduler"])
def test_callbacks_take_it_down_with_the_rate(optimizer, callback):
    """Case r06: norms under a rate of almost 0 stay what they were."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="d")(inputs))
    model.compile(optimizer(1e-2, weight_decay=1e-2), "mse")
    x, y = np.ones((32, 3), "float32"), np.zeros((32, 2), "float32")
    if callback == "plateau":  # a rate that "does not improve" by 1e9 falls after one epoch
        lower = keras.callbacks.ReduceLROnPlateau(
            "loss", factor=1e-5, patience=1, min_delta=1e9, min_lr=1e-7
        )
    else:
        lower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-7 if epoch else rate)
    norms = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: norms.append(np.linalg.norm(model.layers[-1].kernel))
    )
    model.fit(x, y, batch_size=1, epochs=6, verbose=0, callbacks=[note, lower])
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-7)
    assert norms[-1] == pytest.approx(norms[2], rel=1e-3)


@pytest.mark.parametrize("optimizer", OURS)
def test_a_rate_above_the_peak_is_told(optimizer):
    one = optimizer(1e-3, weight_decay=0.01)
    with pytest.warns(UserWarning, match=r"weight_decay=0\.01 is now 0\.1 a step.*peak_learning"):
        assert decays(one, [1e-2]) == pytest.approx([0.1], rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decays(optimizer(1e-3, weight_decay=0.01), [1e-3, 1e-4])
        decays(optimizer(1e-3), [1e-2])  # nothing decays
        # As advised.
        decays(optimizer(1e-3, weight_decay=0.01, peak_learning_rate=1e-2), [1e-2])
