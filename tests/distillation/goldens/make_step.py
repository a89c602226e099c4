"""Writes step.json: five steps of distillation, as the core with one learner took them.

Made at commit ae4715b, before there were named networks and phases, with tensorflow 2.21.0 and
keras 3.15.1, by `python tests/distillation/goldens/make_step.py`. `trained` is what the test runs.
"""

import json
from pathlib import Path

import keras
import numpy as np

import keras_kd
from keras_kd.methods import Hint, SoftTargets


def network(channels, seed):
    """Batch norm, dropout and a regulariser; its weights come from NumPy."""
    images = keras.Input((8, 8, 3))
    regularizer = keras.regularizers.L2(0.01)
    x = keras.layers.Conv2D(channels, 3, name="conv", kernel_regularizer=regularizer)(images)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, name="norm")(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.3)(x))
    model = keras.Model(images, keras.layers.Dense(4, name="head")(x))
    return drawn(model, seed)


def drawn(layer, seed):
    """The layer with weights from NumPy; what must be positive is."""
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        value = rng.normal(scale=0.3, size=variable.shape)
        positive = "variance" in variable.path or "gamma" in variable.path
        variable.assign(np.abs(value) + 0.5 if positive else value)
    return layer


def trained():
    """The weights after five steps, and what each step logged."""
    hint = Hint(["conv"], ["conv"], weight=0.5)
    methods = [SoftTargets(temperature=2.0, warmup_steps=3), hint]
    kd = keras_kd.KDModel(network(4, 1), network(6, 2), methods, label_weight=0.3, seed=7)
    drawn(hint, 3)
    kd.compile(
        keras.optimizers.SGD(0.2, momentum=0.9, global_clipnorm=1.0),
        weighted_metrics=["sparse_categorical_accuracy"],
    )
    rng, logs = np.random.default_rng(0), []
    for _ in range(5):
        x = rng.normal(size=(8, 8, 8, 3)).astype("float32")
        y, weight = rng.integers(0, 4, 8), rng.uniform(0.5, 2.0, 8).astype("float32")
        found = kd.train_on_batch(x, y, weight, return_dict=True)
        logs.append({name: float(value) for name, value in found.items()})
    weights = [w.numpy().ravel().tolist() for part in (kd.student, hint) for w in part.weights]
    momenta = [w.numpy().ravel().tolist() for w in kd.optimizer.variables if w.shape]
    return {"weights": weights, "momenta": momenta, "logs": logs}


def instructions():
    """The processor's vector instructions, by which TensorFlow chooses its kernels."""
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split("flags")[1].split("\n")[0].split() if cpu.exists() else []
    return sorted(flag for flag in flags if flag.startswith(("avx", "fma", "amx")))


if __name__ == "__main__":
    path = Path(__file__).with_name("step.json")
    path.write_text(json.dumps({"instructions": instructions(), **trained()}) + "\n")
