"""AdamW against the real TensorFlow Addons and against the chain of the paper's own code."""

import json
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest

from keras_kd.configs import baselines, funmatch
from keras_kd.configs.baselines import from_scratch
from keras_kd.optimizers import AdamW, WarmupCosine
from keras_kd.training.checkpoints import Checkpoints, Snapshot
from keras_kd.training.lengths import Lengths, make_optimizer

# Written by goldens/make_tfa_adamw.py with tensorflow 2.15.1 and tensorflow-addons 0.23.0.
GOLDEN = json.loads((Path(__file__).parent / "goldens" / "tfa_adamw.json").read_text())


def to_variables(start):
    names = ("kernel", "bias")
    return [keras.Variable(w, dtype="float32", name=n) for w, n in zip(start, names)]


def trajectory(optimizer, start, gradients):
    """[[kernel, bias] after each step]."""
    variables = to_variables(start)
    weights = []
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in step], variables)
        weights.append([v.numpy() for v in variables])
    return weights


@pytest.mark.parametrize("rate", ["constant", "scheduled"])
def test_every_step_equals_tensorflow_addons(rate):
    """The schedule is the pair that Addons' users write by hand: rate and decay, one shape."""
    learning_rate = GOLDEN["rate"]
    if rate == "scheduled":
        learning_rate = keras.optimizers.schedules.ExponentialDecay(learning_rate, 3, 0.5)
    optimizer = AdamW(learning_rate, weight_decay=GOLDEN["decay"])
    result = trajectory(optimizer, GOLDEN["start"], GOLDEN["gradients"])
    for got, expected in zip(result, GOLDEN[rate], strict=True):
        for a, b in zip(got, expected):
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def paper_chain(
    start, gradients, rate, decay, clip, total, warmup, rounding=lambda m: m, epsilon=1e-8
):
    """big_vision's optimizer in float64: `clip_by_global_norm`, `scale_by_adam`, `scale(lr)`,
    `add_decayed_weights` on kernels, `scale_by_schedule`, `scale(-1)`; the schedule peaks at 1."""
    weights = [np.array(w) for w in start]
    mu, nu = ([np.zeros_like(w) for w in weights] for _ in range(2))
    trajectory = []
    for step, grads in enumerate(gradients):
        norm = np.sqrt(sum(np.sum(np.square(g)) for g in grads))
        updates = [np.array(g) * min(1.0, clip / norm) for g in grads]
        shape = 0.5 * (1 + np.cos(np.pi * max(0.0, (step - warmup) / (total - warmup))))
        shape *= min(1.0, step / warmup)
        for i, g in enumerate(updates):
            m = 0.9 * mu[i] + 0.1 * g
            nu[i] = 0.999 * nu[i] + 0.001 * g**2
            m_hat, nu_hat = m / (1 - 0.9 ** (step + 1)), nu[i] / (1 - 0.999 ** (step + 1))
            mu[i] = rounding(m)
            update = rate * m_hat / (np.sqrt(nu_hat) + epsilon)
            update = update + (decay * weights[i] if i == 0 else 0.0)
            weights[i] = weights[i] - shape * update
        trajectory.append([w.copy() for w in weights])
    return trajectory


def to_bfloat16(m):
    return m.astype("float32").astype(ml_dtypes.bfloat16).astype("float64")


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_every_step_equals_the_papers_chain(dtype):
    start, gradients = GOLDEN["start"], GOLDEN["gradients"]
    optimizer = AdamW(
        WarmupCosine(0.03, total_steps=9, warmup_steps=3),
        weight_decay=0.1,
        global_clipnorm=1.0,
        epsilon=1e-8,
        momentum_dtype=dtype,
    )
    rounding = to_bfloat16 if dtype else lambda m: m
    expected = paper_chain(start, gradients, 0.03, 0.1, 1.0, 9, 3, rounding)
    result = trajectory(optimizer, start, gradients)
    for got, wanted in zip(result, expected, strict=True):
        for a, b in zip(got, wanted):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


RECIPES = {
    "recipe": lambda: funmatch.recipe("x", "x", "x", "x", "x", epochs=1, temperature=1.0).distil,
    "baselines": lambda: baselines.pets("x").distil,
    "labels": lambda: from_scratch.get_config().baseline,
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_run_the_papers_chain(name):
    """What a stage's section makes, on gradients so small that epsilon counts."""
    settings = RECIPES[name]()
    settings.update(total="9 steps", warmup="3 steps", learning_rate=0.03, weight_decay=0.1)
    start = GOLDEN["start"]
    gradients = [[1e-7 * np.array(g) for g in step] for step in GOLDEN["gradients"]]
    result = trajectory(make_optimizer(settings, Lengths(64, 8)), start, gradients)[-1]
    arguments = (start, gradients, 0.03, 0.1, settings.clip, 9, 3)
    expected = paper_chain(*arguments, to_bfloat16)[-1]
    for a, b in zip(result, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
    # Neither Keras's epsilon nor a whole first moment comes as near.
    keras_epsilon = paper_chain(*arguments, to_bfloat16, epsilon=1e-7)[-1]
    whole = paper_chain(*arguments)[-1]
    assert min(np.abs(o[0] - expected[0]).max() for o in (keras_epsilon, whole)) > 1e-5


def test_rounding_shows_and_is_small():
    """The two paths differ, or the option does nothing; and by no more than bfloat16 explains."""
    start, gradients = GOLDEN["start"], GOLDEN["gradients"]
    whole = trajectory(AdamW(0.03), start, gradients)[-1][0]
    rounded = trajectory(AdamW(0.03, momentum_dtype="bfloat16"), start, gradients)[-1][0]
    assert 1e-6 < np.abs(whole - rounded).max() < 8 * 0.03 * 2**-8


def test_first_moment_alone_is_kept_in_bfloat16_and_goes_on_from_a_checkpoint(tmp_path):
    start, gradients = GOLDEN["start"], GOLDEN["gradients"]
    straight = trajectory(AdamW(0.03, momentum_dtype="bfloat16"), start, gradients)[-1]

    variables = to_variables(start)

    def run(optimizer, steps):
        for grads in steps:
            optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in grads], variables)

    def state(optimizer):
        return {v.name: v for v in variables + optimizer.variables}

    first = AdamW(0.03, momentum_dtype="bfloat16")
    run(first, gradients[:4])
    moments = {v.name.split("_")[-1]: str(v.dtype) for v in first.variables[2:]}
    assert moments == {"momentum": "bfloat16", "velocity": "float32"}
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Snapshot(4, state(first)))
    second = AdamW.from_config(first.get_config())
    second.build(variables)
    checkpoints.restore(state(second))
    run(second, gradients[4:])
    for a, b in zip(variables, straight):
        np.testing.assert_array_equal(a, b)


def test_other_types_of_the_first_moment_are_refused():
    with pytest.raises(ValueError, match="Received: momentum_dtype='float16'"):
        AdamW(momentum_dtype="float16")
    with pytest.raises(ValueError, match="not for amsgrad"):
        AdamW(momentum_dtype="bfloat16", amsgrad=True)
