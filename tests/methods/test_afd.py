"""AFD: whose critic learns what, and which way the networks move."""

import keras
import numpy as np
import pytest

from keras_kd import KDModel
from keras_kd.methods import AFD

TAPS = {"student_taps": ["late"], "teacher_taps": ["late"]}


def network(seed, channels):
    keras.utils.set_random_seed(seed)
    images = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(channels, 3, strides=2, activation="tanh", name="late")(images)
    x = keras.layers.Flatten()(x)
    return keras.Model(images, keras.layers.Dense(3)(x))


def model(rate=0.1):
    kd = KDModel(network(1, 3), None, AFD(**TAPS, size=5), 1.0, learners={"peer": network(2, 4)})
    kd.compile({name: keras.optimizers.SGD(rate) for name in kd.learners})
    return kd


def data(rng):
    return rng.normal(size=(8, 6, 6, 1)).astype("float32"), rng.integers(0, 3, 8)


def test_the_losses_are_least_squares_of_the_critics_answers(rng):
    kd = model(rate=0.0)
    x, y = data(rng)
    method = kd.methods[0]
    answers = {}
    for own in ("student", "peer"):
        for seen in ("student", "peer"):
            vectors = method.vectors(kd.networks[seen].answer({"image": x}), seen)
            critic = kd.learners[f"{own}_critic"]
            answers[own, seen] = np.asarray(critic(vectors), "float64")[:, 0, 0]
    logs = kd.train_on_batch(x, y, return_dict=True)
    assert {"mutual_learning", "peer_mutual_learning", "peer_labels"} <= set(logs)
    names = {"student": "afd", "peer": "peer_fools"}
    for own, other in (("student", "peer"), ("peer", "student")):
        fools = 0.5 * np.square(answers[own, own] - 1).mean()
        np.testing.assert_allclose(logs[names[own]], fools, rtol=1e-4)
        judge = 0.5 * np.square(answers[own, own]) + 0.5 * np.square(answers[own, other] - 1)
        np.testing.assert_allclose(logs[f"{own}_critic_judges"], judge.mean(), rtol=1e-4)


def test_two_networks_and_two_critics_move(rng):
    kd = model()
    assert set(kd.learners) == {"student", "peer", "student_critic", "peer_critic"}
    before = {name: each.get_weights() for name, each in kd.learners.items()}
    kd.train_on_batch(*data(rng))
    for name, weights in before.items():
        pairs = zip(weights, kd.learners[name].get_weights())
        assert any(np.abs(a - b).max() > 0 for a, b in pairs), name


def test_three_stand_in_a_ring(rng):
    """Each critic tells its network's features from those of the next one, and of no other."""
    peers = {"peer": network(2, 4), "third": network(3, 3)}
    method = AFD(**TAPS, size=5, peer=("peer", "third"))
    kd = KDModel(network(1, 3), None, method, 1.0, learners=peers)
    kd.compile({name: keras.optimizers.SGD(0.0) for name in kd.learners})
    x, y = data(rng)
    logs = kd.train_on_batch(x, y, return_dict=True)
    names = ("student", "peer", "third")
    vectors = {n: method.vectors(kd.networks[n].answer({"image": x}), n) for n in names}
    for own, other in (("student", "peer"), ("peer", "third"), ("third", "student")):
        critic = kd.learners[f"{own}_critic"]
        fake, real = (np.asarray(critic(vectors[n]), "float64")[:, 0, 0] for n in (own, other))
        judge = 0.5 * np.square(fake) + 0.5 * np.square(real - 1)
        np.testing.assert_allclose(logs[f"{own}_critic_judges"], judge.mean(), rtol=1e-4)
    assert {"peer_fools", "third_fools", "third_mutual_learning", "third_labels"} <= set(logs)
    assert AFD.from_config(method.get_config()).ring == names


@pytest.mark.parametrize("peer", [(), ("peer", "peer"), "student"])
def test_a_ring_is_of_different_networks(peer):
    with pytest.raises(ValueError, match=r"peer must name .* each once\. Received: peer="):
        AFD(**TAPS, peer=peer)


def test_without_a_peer_it_is_refused():
    with pytest.raises(ValueError, match=r"needs all\. Received: 'peer'"):
        KDModel(network(1, 3), None, [AFD(**TAPS)], 1.0)
