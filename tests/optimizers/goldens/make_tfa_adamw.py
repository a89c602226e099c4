"""Writes tfa_adamw.json with the real TensorFlow Addons, which does not run beside Keras 3.

In an environment of its own, Python 3.11 or older:

    pip install "tensorflow-cpu==2.15.*" tensorflow-addons==0.23.0 "numpy<2"
    python make_tfa_adamw.py

Tests only read the file. It holds the start, the gradients of eight steps, and the weights after
each step, at a constant rate and with a rate and a decay that follow one schedule, as the
docstring of Addons' AdamW tells its users to do.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

RATE, DECAY, STEPS = 3e-3, 1e-2, 8


def run(start, gradients, scheduled):
    """The weights after each step; only the first variable, a kernel, decays."""
    rate, decay = RATE, DECAY
    if scheduled:
        rate = tf.keras.optimizers.schedules.ExponentialDecay(RATE, 3, 0.5)
        optimizer = None
        decay = lambda: DECAY * rate(optimizer.iterations) / RATE  # noqa: E731
    optimizer = tfa.optimizers.AdamW(weight_decay=decay, learning_rate=rate)
    kernel, bias = (tf.Variable(value, dtype="float32") for value in start)
    weights = []
    for step in gradients:
        pairs = [(tf.constant(g, "float32"), v) for g, v in zip(step, (kernel, bias))]
        optimizer.apply_gradients(pairs, decay_var_list=[kernel])
        weights.append([kernel.numpy().tolist(), bias.numpy().tolist()])
    return weights


def main():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(3, 2)).tolist(), rng.normal(size=2).tolist()]
    gradients = [
        [rng.normal(size=(3, 2)).tolist(), rng.normal(size=2).tolist()] for _ in range(STEPS)
    ]
    golden = {
        "made_with": {"tensorflow": tf.__version__, "tensorflow_addons": tfa.__version__},
        "rate": RATE,
        "decay": DECAY,
        "start": start,
        "gradients": gradients,
        "constant": run(start, gradients, scheduled=False),
        "scheduled": run(start, gradients, scheduled=True),
    }
    path = Path(__file__).parent / "tfa_adamw.json"
    path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
