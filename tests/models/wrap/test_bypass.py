"""The branch alone: its limits, and that a token without a patch is an image of one pixel.

Whole networks of them are compared with the authors' formula in test_convpass.py.
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models.wrap.bypass import Bypass


def seeded(**options):
    layer = Bypass(4, (3, 2), **{"extra": 1, **options})
    layer.build((None, layer.extra + 6, 5))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def tokens(count):
    return np.random.default_rng(1).normal(size=(2, count, 5)).astype("float32")


def test_tokens_meet_as_the_grid_says():
    """What reaches what: the class token itself alone, a patch its neighbours."""
    layer, x = seeded(extra=2), tf.constant(tokens(8))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(layer(x), axis=(0, 2))
    reached = np.abs(tape.jacobian(y, x)).max((1, 3)) > 0  # [token out, token in]
    places = [divmod(index, 2) for index in range(6)]
    expected = np.zeros((8, 8), bool)
    expected[0, 0] = expected[1, 1] = True
    for i, (row, column) in enumerate(places):
        for j, (other_row, other_column) in enumerate(places):
            near = abs(row - other_row) <= 1 and abs(column - other_column) <= 1
            expected[2 + i, 2 + j] = near
    np.testing.assert_array_equal(reached, expected)


def test_the_identity_leaves_what_passes_it():
    """Then every token is on its own, whatever the grid."""
    layer = Bypass(4, (3, 2), extra=1, init="identity")
    layer.build((None, 7, 5))
    layer.up.kernel.assign(np.random.default_rng(0).normal(size=(4, 5)))
    x, order = tokens(7), np.random.default_rng(2).permutation(7)
    np.testing.assert_allclose(np.asarray(layer(x))[:, order], layer(x[:, order]), atol=1e-6)


def test_the_scale_multiplies_what_comes_out():
    np.testing.assert_allclose(
        seeded(scale=10.0)(tokens(7)), 10 * np.asarray(seeded()(tokens(7))), rtol=1e-6
    )


@pytest.mark.parametrize("extra", [0, 1])
def test_it_is_made_again_of_its_config(extra):
    layer = seeded(extra=extra, scale=0.1, init="xavier", name="one")
    again = Bypass.from_config(layer.get_config())
    again.build((None, extra + 6, 5))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(tokens(extra + 6)), layer(tokens(extra + 6)))
    assert again.get_config() == layer.get_config()
