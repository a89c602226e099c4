"""Layers of tokens: GELU at known points, places that are cut and folded, attention by hand."""

import keras
import numpy as np
import pytest

from keras_kd.models.tokens import GELU, AttentionHeads, OneToken, TokenMap, check_patches

TOKENS = np.arange(2 * 7 * 4, dtype="float32").reshape(2, 7, 4)


def test_gelu_at_one_and_minus_one():
    x = np.float32([[1.0, -1.0, 0.0]])
    np.testing.assert_allclose(GELU(False)(x), [[0.8413447, -0.1586553, 0.0]], atol=1e-6)
    np.testing.assert_allclose(GELU(True)(x), [[0.841192, -0.158808, 0.0]], atol=1e-6)


def test_places_are_cut_and_folded_row_by_row():
    folded = TokenMap((2, 3), extra=1)(TOKENS)
    np.testing.assert_array_equal(folded[:, 1, 2], TOKENS[:, 6])
    np.testing.assert_array_equal(folded[:, 0, 0], TOKENS[:, 1])
    np.testing.assert_array_equal(OneToken(1)(TOKENS), TOKENS[:, 1])


def test_equal_keys_give_the_mean_of_the_values():
    same = np.ones_like(TOKENS)
    mixed = AttentionHeads(2)(TOKENS, same, TOKENS)
    expected = np.broadcast_to(TOKENS.mean(1, keepdims=True), TOKENS.shape)
    np.testing.assert_allclose(mixed, expected, rtol=1e-5)


def test_heads_look_at_their_own_channels_alone():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 2, 7, 4)).astype("float32")
    other = k.copy()
    other[:, :, 2:] += 1.0 + rng.normal(size=(2, 7, 2))
    one, two = (keras.ops.convert_to_numpy(AttentionHeads(2)(q, key, v)) for key in (k, other))
    np.testing.assert_array_equal(one[:, :, :2], two[:, :, :2])
    assert np.abs(one[:, :, 2:] - two[:, :, 2:]).max() > 1e-3


def test_grids():
    assert check_patches((32, 48, 3), 16) == (2, 3)
    with pytest.raises(ValueError, match=r"one of \[2, 4, 8, 16\] pixels"):
        check_patches((32, 48, 3), 5)
