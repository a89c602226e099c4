"""The plan of a run by hand: lengths, costs, and how they are told."""

import pytest
from tiny_run import tiny_run as tiny

from keras_kd.config import network, stage
from keras_kd.models.flops import Size
from keras_kd.run import Experiment
from keras_kd.run.plan import describe, in_all, make_plan, measured

STUDENT, TEACHER = Size(1000, 30), Size(5_000_000, 7000)


def planned(**changes):
    experiment = Experiment(tiny(**changes))
    sizes = [(TEACHER, None), (STUDENT, None), (STUDENT, TEACHER)]
    return experiment, make_plan(experiment, sizes)


def test_lengths_and_costs():
    _, plan = planned()
    assert (plan["images"], plan["classes"], plan["targets"]) == (64, 10, {})
    distil = plan["stages"]["distil"]
    assert [distil[key] for key in ("steps", "epochs", "warmup", "interval")] == [6, 1.5, 1, 3]
    # Forward, and a backward pass that takes twice as long, of 16 images; a teacher only forward.
    assert distil["student_flops"] == 3 * STUDENT.flops * 16
    assert distil["teacher_flops"] == TEACHER.flops * 16
    assert plan["stages"]["teacher.train"]["teacher_flops"] == 0


def test_fixed_targets_are_a_pass_a_view():
    _, plan = planned(**{"distil.mode": "fix/ic_ens", "distil.fix_crops": 5})
    wanted = {"images": 64, "crops": 5, "views": 320, "flops": 320 * TEACHER.flops}
    assert plan["targets"] == {"distil": wanted}
    assert plan["stages"]["distil"]["teacher_flops"] == 0


def test_every_stage_with_fixed_targets_has_its_pass():
    """The assistant's as well as the student's."""
    config = tiny(**{"distil.mode": "fix/rs"})
    config.assistant = stage(**{**config.distil.to_dict(), "network": "student"})
    config.stages = ("teacher", "assistant", "distil")
    config.distil.teachers = ("assistant",)
    experiment = Experiment(config)
    plan = make_plan(experiment, [(TEACHER, None), (STUDENT, TEACHER), (STUDENT, STUDENT)])
    assert {path: targets["flops"] for path, targets in plan["targets"].items()} == {
        "assistant": 64 * TEACHER.flops,
        "distil": 64 * STUDENT.flops,
    }
    assert describe(experiment, plan).count("64 images x 1 crop = 64 views") == 2


def test_what_is_told():
    experiment, plan = planned()
    text = describe(experiment, plan)
    assert "digits, split train[:64]: 64 images, 10 classes" in text
    assert "distil: 6 steps of 16 images = 1.5 epochs" in text
    assert "soft_targets from teacher" in text


def test_further_learners_cost_a_step_too():
    config = tiny()
    config.peer, config.stages = network("resnet", depth=8), ("distil",)
    config.distil.update(teachers=(), learners=("peer",), label_weight=1.0)
    config.distil.methods = {"mutual_learning": {}}
    experiment = Experiment(config)
    plan = make_plan(experiment, [(STUDENT, None)], {"distil": {"peer": TEACHER}})
    cost = 3 * (STUDENT.flops + TEACHER.flops) * 16
    assert plan["stages"]["distil"]["student_flops"] == cost
    assert plan["networks"]["peer resnet"] == (TEACHER, 8)
    assert "mutual_learning, beside peer" in describe(experiment, plan)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (5, "5 s"),
        (119, "1.2e+02 s"),
        (120, "2.0 minutes"),
        (7200, "2.0 hours"),
        (172800, "2.0 days"),
    ],
)
def test_times_are_told_in_the_largest_unit_of_which_there_are_two(seconds, told):
    assert in_all({"seconds": seconds, "targets": {}}, 8) == f"in all: about {told} on this machine"


def test_tiny_networks_give_no_time():
    assert measured("distil", {"loss": 0.25}, 4, 16).endswith("no estimate of time")


def test_an_impossible_schedule_is_told_by_its_stage():
    with pytest.raises(ValueError, match=r"^config\.baseline: The warm-up must be shorter"):
        planned(**{"baseline.warmup": "20 steps"})
