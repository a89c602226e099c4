"""Teachers that are drawn at a step, or weighed by labels: two replicas learn what one does."""

import keras
import numpy as np
import pytest

from keras_kd import KDModel, teachers
from keras_kd.methods import SoftTargets
from keras_kd.models import resnet

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (24, 8, 8, 1)).astype("float32")
Y = RNG.integers(0, 4, 24)


def net(seed):
    keras.utils.set_random_seed(seed)
    model = resnet(8, 0.25, 4, (8, 8, 1), norm="group")
    head = model.get_layer("logits")
    head.kernel.assign(np.random.default_rng(seed).normal(size=head.kernel.shape))
    return model


def train(strategy, combine, policy="float32"):
    with strategy.scope():
        frozen = teachers.freeze(
            teachers.Ensemble([net(1), net(2)], combine=combine), engine="graph", batch_size=4
        )
        kd = KDModel(net(0), frozen, SoftTargets(), seed=3)
        kd.compile(keras.optimizers.SGD(0.05))
    history = kd.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return kd.student.get_weights(), history["loss"]


@pytest.mark.parametrize("combine", ["random_teacher", "confidence"])
def test_two_replicas_equal_one(make_strategy, combine):
    (one, one_loss), (two, two_loss) = (train(make_strategy(count), combine) for count in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(one_loss, two_loss, rtol=1e-5)
