import keras
import numpy as np
import pytest
from keras import layers
from shrunk import photographs, residual

from keras_kd.models import resnet, shrink
from keras_kd.models.wrap.depth import branches, shallower
from keras_kd.models.wrap.graph import calls_of


def names(model):
    return [call.layer.name for call, _ in branches(calls_of(model))]


def test_branches_end_where_they_begin():
    found = names(resnet(14, 0.25, 3, (8, 8, 3)))
    # The first block of the second and third stage has another shape than its input.
    assert found == [f"stage{s}_block{b}_add" for s, b in
                     ((1, 1), (1, 2), (2, 2), (3, 2))]  # fmt: skip
    assert names(residual()) == ["sum"]


def test_a_branch_that_gives_nothing_goes_first():
    model, x = resnet(14, 0.25, 3, (8, 8, 3)), photographs(4)
    norm = model.get_layer("stage2_block2_2_norm")
    norm.gamma.assign(0 * norm.gamma)
    less = shallower(model, 0.75, x)
    assert "stage2_block2_add" not in [layer.name for layer in less.layers]
    np.testing.assert_allclose(less(x), model(x), atol=1e-6)
    half = shrink(model, 0.5, depth=0.5, images=x)
    assert len(names(half)) == 2


def test_bad_input():
    images = keras.Input((8, 8, 3))
    plain = keras.Model(images, layers.Dense(2)(layers.Flatten()(images)))
    with pytest.raises(ValueError, match=r"needs residual blocks.*which has none"):
        shrink(plain, depth=0.5, images=photographs(2))
    with pytest.raises(ValueError, match=r"Received: images=None, depth=0.5"):
        shrink(residual(), depth=0.5)
    with pytest.raises(ValueError, match=r"depth must be a share"):
        shrink(residual(), depth=0)
