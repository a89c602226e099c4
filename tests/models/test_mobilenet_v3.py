"""MobileNetV3 with group norm: the same network, with no statistics to keep."""

import keras
import numpy as np
import pytest

from keras_kd import models
from keras_kd.models.layers import GroupNorm


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mobilenet_v3_large"])
@pytest.mark.parametrize("alpha", [0.35, 1.0])
def test_every_batch_norm_gives_way(name, alpha):
    batch, group = (
        models.build(name, 7, (32, 32, 3), alpha=alpha, norm=norm) for norm in ("batch", "group")
    )
    replaced = [x for x in batch.layers if isinstance(x, keras.layers.BatchNormalization)]
    norms = [x for x in group.layers if isinstance(x, GroupNorm)]
    assert [x.name for x in norms] == [x.name for x in replaced]
    assert not any(isinstance(x, keras.layers.BatchNormalization) for x in group.layers)
    assert [x.name for x in group.layers] == [x.name for x in batch.layers]
    assert group.non_trainable_weights == []
    statistics = sum(int(np.prod(v.shape)) for v in batch.non_trainable_weights)
    assert group.count_params() == batch.count_params() - statistics


def test_it_groups_in_eights_and_saves(tmp_path):
    model = models.mobilenet_v3_small(3, (32, 32, 3), alpha=0.35, norm="group")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    first = model.get_layer("conv_bn")
    before = keras.Model(model.inputs, first.input)(x).numpy()
    b, h, w, c = before.shape
    grouped = before.reshape(b, h * w, 8, c // 8).astype("float64")
    mean, variance = (f(grouped, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    expected = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(before.shape)
    np.testing.assert_allclose(first(before), expected, atol=1e-4)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), model(x))


@pytest.mark.parametrize("wrong", [{"norm": "layer"}, {"norm": "group", "synchronized": True}])
def test_bad_norm(wrong):
    with pytest.raises(ValueError, match=f"Received: norm='{wrong['norm']}'"):
        models.mobilenet_v3_small(3, (32, 32, 3), **wrong)
