"""An optimizer for each learner."""

import keras
import pytest
import small_schemes


def test_one_optimizer_becomes_one_for_each():
    kd = small_schemes.mutual()
    kd.compile(keras.optimizers.SGD(0.3, momentum=0.9, global_clipnorm=2.0))
    first, second = kd.optimizers.values()
    assert kd.optimizer is first and second is not first
    assert second.get_config() == first.get_config()
    for name, optimizer in kd.optimizers.items():
        assert optimizer.built
        momenta = [v for v in optimizer.variables if v.name.endswith("momentum")]
        assert [v.shape for v in momenta] == [v.shape for v in kd.variables_of(name)]


def test_what_is_not_one_for_each_is_refused():
    kd, optimizer = small_schemes.mutual(), keras.optimizers.SGD(0.1)
    for given, received in (
        ({"student": "sgd"}, "optimizer of student"),
        ({"student": "sgd", "peer": "sgd", "pear": "sgd"}, "student, peer, pear"),
        ({}, "optimizer of none"),
    ):
        with pytest.raises(ValueError, match=f"needs an optimizer: student, peer.*{received}"):
            kd.compile(given)
    with pytest.raises(ValueError, match="belongs to one learner"):
        kd.compile({"student": optimizer, "peer": optimizer})
    kd.compile({"student": optimizer, "peer": keras.optimizers.SGD(0.1)})


def test_everything_is_built_asks_every_optimizer():
    kd = small_schemes.mutual()
    kd.compile({"student": "sgd", "peer": "sgd"})
    kd.train_on_batch(*small_schemes.batch(0))
    assert kd._all_built()
    kd.optimizers["peer"].built = False
    assert not kd._all_built()


def test_a_learner_that_was_frozen_since_is_refused():
    kd = small_schemes.mutual()
    kd.learners["peer"].trainable = False
    with pytest.raises(ValueError, match=r"The peer must have weights to train.*Thaw it"):
        kd.compile("sgd")
    kd.learners["peer"].trainable = True  # as advised
    kd.compile("sgd")
