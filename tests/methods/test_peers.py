"""What peers have in common, whichever the method: losses for each, classes, and no taps."""

import pytest
import small_schemes
from small_schemes import linear

from keras_kd import KDModel
from keras_kd.methods import KDCL, MutualLearning

CLASSES, WIDTH = small_schemes.CLASSES, small_schemes.WIDTH
EACH = pytest.mark.parametrize("kind", [KDCL, MutualLearning])


@EACH
def test_each_peer_gets_a_loss_like_the_students_and_one_on_labels(kind):
    method = kind(source=("one", "two"), label_weight=0.5, weight=2.0, warmup_steps=4)
    one, two, *labels = method.companions()
    assert (one.learner, one.source) == ("one", ("student", "two"))
    assert (two.learner, two.source) == ("two", ("student", "one"))
    for loss in (one, two):
        assert type(loss) is kind and not loss.companions()
        assert loss.weight == 2.0 and float(loss.weight_at(0)) == 0.5
    assert [(each.learner, each.weight) for each in labels] == [("one", 0.5), ("two", 0.5)]
    assert len(kind(label_weight=0).companions()) == 1


@EACH
def test_a_warmup_in_words_is_that_of_the_stage(kind):
    method = kind(warmup="50 percent")
    method.set_stage(10, 8, 80)
    assert method.companions()[0].warmup_steps == 5


@EACH
@pytest.mark.parametrize("source", [(), "student", ("peer", "peer"), ("peer", "student")])
def test_it_takes_two_networks_at_least(kind, source):
    with pytest.raises(ValueError, match=r"two networks at least.*Received: source=.*learners="):
        kind(source=source)


@EACH
def test_peers_have_the_same_classes_and_no_taps(kind):
    other = {"peer": linear(WIDTH, 5, 2)}
    with pytest.raises(ValueError, match=r"same classes.*3 classes of the 'student', 5 of the 'pe"):
        KDModel(linear(WIDTH, CLASSES, 1), None, kind(), learners=other)
    with pytest.raises(ValueError, match="Leave taps out"):
        kind(student_taps=["a"], teacher_taps=["a"])
