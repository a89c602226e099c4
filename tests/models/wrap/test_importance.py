import keras
import numpy as np
import pytest
from shrunk import photographs, residual

from keras_kd.models import shrink
from keras_kd.models.wrap.graph import calls_of, follow
from keras_kd.models.wrap.importance import KINDS, check, importance_of


def inner(model, kind, **kwargs):
    """Importance of the channels of `inner_conv`."""
    network = follow(calls_of(model))
    call = next(call for call in network.calls if call.layer.name == "inner_conv")
    found = importance_of(network, kind, **kwargs)
    return found[network.groups.group_of[call.out]]


def test_l1_and_bn_are_sums():
    model = residual()
    kernel = np.abs(model.get_layer("outer_conv").kernel.numpy()).sum(axis=(0, 1, 3))
    gamma, beta = (np.abs(x.numpy()) for x in model.get_layer("inner_bn").weights[:2])
    np.testing.assert_allclose(inner(model, "l1"), kernel * (gamma + beta), rtol=1e-6)
    np.testing.assert_allclose(inner(model, "bn"), gamma, rtol=1e-6)


def test_taylor_is_the_change_of_the_loss_to_first_order():
    """By differences: what the loss changes by when the kernel that reads a channel shrinks."""
    model, images = residual(), photographs(3)
    layer = model.get_layer("outer_conv")
    kernel, step = layer.kernel.numpy(), 1e-2
    classes = np.argmax(model(images), -1)

    def losses():
        logits = np.asarray(model(images), "float64")
        return np.log(np.exp(logits).sum(-1)) - logits[np.arange(3), classes]

    expected = []
    for channel in range(6):
        changes = []
        for sign in (-1, 1):
            changed = kernel.copy()
            changed[:, :, channel] *= 1 + sign * step
            layer.kernel.assign(changed)
            changes.append(losses())
        layer.kernel.assign(kernel)
        expected.append(np.mean(((changes[1] - changes[0]) / (2 * step)) ** 2))
    found = inner(model, "taylor", images=images)
    assert np.ptp(found) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-2)


def test_random_follows_its_seed():
    model = residual()
    first, again, other = (inner(model, "random", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize("kind", ["l1", "bn", "taylor"])
def test_channels_that_are_zero_go_without_a_change(kind):
    """One inner channel gives nothing, and of the sum's two are read by nobody and are zero."""
    model, x = residual(), photographs(4)
    norm = model.get_layer("inner_bn")
    for weight in norm.weights[:2]:
        weight.assign(np.where(np.isin(np.arange(6), [0, 4, 5]), 0, weight))
    for name in ("inner_conv", "logits"):
        kernel = model.get_layer(name).kernel
        zeros = np.isin(np.arange(8), [0, 3, 5, 7])
        kernel.assign(np.where(np.expand_dims(zeros, -1), 0, kernel))
    if kind == "bn":  # it looks at the sum's scales, and at no reader
        weight = model.get_layer("stem_bn").gamma
        weight.assign(np.where(np.isin(np.arange(8), [0, 3, 5, 7]), 0, weight))
    cut = shrink(model, 0.5, importance=kind, images=x, fit=False)
    assert cut.count_params() == shrink(residual(), 0.5).count_params()
    np.testing.assert_allclose(cut(x), model(x), atol=1e-6)


def test_unknown():
    with pytest.raises(ValueError, match=r"importance='l2'.*Did you mean 'l1'"):
        check("l2")
    assert all(check(kind) is None for kind in KINDS)
    assert keras.config.floatx() == "float32"
