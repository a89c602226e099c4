"""The phases of a step, put together from what methods bring."""

import pytest

from keras_kd.methods import SoftTargets
from keras_kd.methods.phases import MAIN, Phase, arranged


def method(*phases, phase=MAIN, learner="student"):
    made = SoftTargets(learner=learner)
    made.phases, made.phase = lambda: list(phases), phase
    return made


def test_without_more_there_is_one_phase_of_all_learners():
    found = arranged([method(), method(learner="peer"), method()])
    assert found == [Phase(MAIN, ("student", "peer"))]


def test_phases_of_one_name_become_one_and_stand_around_the_main_one():
    found = arranged([
        method(Phase("first", images="maker"), Phase(MAIN, inside=("critic",)), Phase("last")),
        method(Phase("last", inside=("student",)), Phase(MAIN, inside=("critic", "other"))),
        method(phase="first", learner="maker"),
        method(phase="last", learner="critic"),
    ])  # fmt: skip
    assert found == [
        Phase("first", ("maker",), images="maker"),
        Phase(MAIN, ("student",), ("critic", "other")),
        Phase("last", ("critic",), ("student",)),
    ]


def test_a_phase_without_a_loss_is_left_out():
    assert arranged([method(Phase("alone"), phase="alone")]) == [Phase("alone", ("student",))]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ([method(phase="nowhere")], "no method brings.*phase='nowhere', and phases main"),
        ([method(Phase(MAIN, learners=("peer",)))], "needs a loss in its phase.*'peer'"),
        (
            [method(Phase(MAIN, images="one")), method(Phase(MAIN, images="two"))],
            "images='one' and images='two' for phase 'main'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(methods, message):
    with pytest.raises(ValueError, match=message):
        arranged(methods)
