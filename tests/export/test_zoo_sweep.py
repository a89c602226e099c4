"""Every family of keras.applications: as frozen teacher, as student, and as files for phones."""

import inspect

import keras
import numpy as np
import pytest
from lite_interpreter import logits_of_file

from keras_kd import KDModel, models
from keras_kd.export import to_tflite
from keras_kd.methods import SoftTargets
from keras_kd.models import zoo
from keras_kd.teachers import freeze, load

SIDES = (32, 71, 75)  # px; the least that each family takes is one of them
CLASSES = 3
# Measured: 0.03, 0.21 and 0.11 of the logits' deviation. A MobileNet of random weights does not
# hold: its int8 answers are off by more than they differ from image to image.
HOLD_IN_INT8 = ("ConvNeXtTiny", "DenseNet121", "EfficientNetB0")


def smallest():
    """The network of each family that stands first in its module, the smallest, by its name."""
    found = {}
    for name, family in zoo.families().items():
        line = inspect.unwrap(family.build).__code__.co_firstlineno
        known = found.get(family.build.__module__)
        if known is None or line < known[0]:
            found[family.build.__module__] = line, name
    return sorted(name for _, name in found.values())


def build(name):
    """The network on the smallest images that it takes."""
    for side in SIDES:
        try:
            return models.build(f"keras:{name}", CLASSES, (side, side, 3)), side
        except ValueError as error:
            if side == SIDES[-1] or "must be at least" not in str(error):
                raise


@pytest.mark.slow
@pytest.mark.parametrize("name", smallest())
def test_a_family(name, tmp_path):
    model, side = build(name)
    x = np.random.default_rng(0).uniform(-1, 1, (8, side, side, 3)).astype("float32")
    head = model.get_layer("logits").kernel
    head.assign(np.random.default_rng(1).normal(0, 0.1, head.shape))
    model.trainable = False
    teacher = freeze(load(model, CLASSES, (side, side, 3)), engine="graph", batch_size=8)
    expected = model(x).numpy()
    np.testing.assert_allclose(teacher(x), expected, atol=1e-4 * max(1, np.abs(expected).max()))

    student, _ = build(name)
    # Under a head of zeros the first step would reach the head alone.
    student.get_layer("logits").kernel.assign(np.random.default_rng(2).normal(0, 1, head.shape))
    first = student.trainable_variables[0]
    before = first.numpy().copy()
    kd = KDModel(student, teacher, SoftTargets())
    kd.compile(keras.optimizers.SGD(0.01))
    losses = [float(kd.train_on_batch(x, return_dict=True)["loss"]) for _ in range(2)]
    assert np.isfinite(losses).all()
    assert np.abs(first.numpy() - before).max() > 0  # down to its first kernel

    scale = max(1, np.abs(expected).max())
    float32 = to_tflite(model, tmp_path / "float32.tflite")
    np.testing.assert_allclose(logits_of_file(float32["path"], x), expected, atol=1e-3 * scale)
    whole = to_tflite(model, tmp_path / "int8.tflite", "int8", representative=[x])
    assert whole["bytes"] < 0.6 * float32["bytes"]
    if name in HOLD_IN_INT8:
        wrong = logits_of_file(whole["path"], x) - expected
        # Over what tells one image from another.
        assert np.sqrt((wrong**2).mean()) < 0.5 * (expected - expected.mean(0)).std()
    print(name, side, whole["fully_quantized"], whole["fallback"], whole["float_tensors"][:4])


def test_one_network_of_each_family():
    modules = {family.build.__module__ for family in zoo.families().values()}
    assert len(smallest()) == len(modules) >= 15
    assert {"MobileNetV3Small", "EfficientNetB0", "NASNetMobile", "ResNet50"} <= set(smallest())
