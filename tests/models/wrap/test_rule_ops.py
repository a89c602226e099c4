"""The cases themselves stand in test_rules.py, beside those of layers."""

import keras
import pytest
from keras import layers, ops
from shrunk import network_of

from keras_kd.models.wrap import rule_ops


@pytest.mark.parametrize("name", [*rule_ops.EACH, *rule_ops.MERGING, *rule_ops.FIXED])
def test_the_names_are_those_of_keras(name):
    """An operation whose name has changed would be refused where it was followed."""
    function = "".join(f"_{c.lower()}" if c.isupper() and i else c.lower()
                       for i, c in enumerate(name))  # fmt: skip
    x = keras.KerasTensor((None, 4, 4, 2))
    two = {"Reshape": [(-1, 32)], "Clip": [0, 1], "Cast": ["float16"]}.get(name, [])
    if name in rule_ops.MERGING:
        two = [x]
    made = getattr(ops, function, None) or getattr(keras.activations, function)
    operation = made(x, *two)
    assert operation.shape[0] is None


def test_an_unknown_one_is_refused_by_name():
    with pytest.raises(ValueError, match=r"Received: layer 'roll.*of type Roll"):
        network_of(lambda x: layers.Dense(2)(ops.roll(layers.Conv2D(4, 1)(x), 1, axis=-1)[:, 0, 0]))
