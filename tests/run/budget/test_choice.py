"""The arithmetic of a plan: it fills the minutes, and the student climbs with them."""

import pytest

from keras_kd.run import shown
from keras_kd.run.budget import choice
from keras_kd.run.budget.choice import LEAST_STEPS, Look, Speed

LOOK = Look(images=720, labelled=720, evaluated=240, classes=12, short=224)
STUDENT, TEACHER = Speed(10.0, 0.1), Speed(20.0, 1.0, 0.01)


@pytest.mark.parametrize("minutes", [5, 20, 60, 600])
@pytest.mark.parametrize("pretrained", [True, False, None])
def test_the_parts_add_up_to_the_minutes(minutes, pretrained):
    lengths = choice.plan_lengths(60 * minutes, LOOK, 64, STUDENT, TEACHER, pretrained)
    assert lengths.student >= LEAST_STEPS
    # What is left over is less than a step of each stage.
    assert 0 <= 60 * minutes - sum(lengths.parts.values()) < 2 * (0.1 + 64 * 0.01)
    assert (lengths.teacher > 0) == (pretrained is not None)
    assert lengths.parts["baseline"] == pytest.approx(lengths.student * STUDENT.step)


def test_by_hand_without_a_teacher_that_learns():
    look = LOOK._replace(evaluated=0, compares=False)
    lengths = choice.plan_lengths(1000.0, look, 64, STUDENT, TEACHER._replace(view=0.05))
    # 10 s to start, 75 s of exports, 10 s to the first step, 720 images of 0.05 s, 0.1 s a step.
    assert lengths.student == int((1000 - 10 - 75 - 10 - 36) / 0.1)
    assert not lengths.live and lengths.teacher == 0
    assert lengths.epochs(look, 64) == lengths.student * 64 / 720


def test_with_patience_the_teacher_sees_every_batch():
    short = choice.plan_lengths(700.0, LOOK, 64, STUDENT, TEACHER)
    long = choice.plan_lengths(20_000.0, LOOK, 64, STUDENT, TEACHER)
    assert not short.live and long.live
    assert long.epochs(LOOK, 64) > choice.PATIENT
    each = STUDENT.step + 64 * TEACHER.view
    assert long.parts["distil"] == pytest.approx(long.student * each)


def test_a_teacher_takes_its_share_and_no_more():
    slow = TEACHER._replace(step=50.0)
    lengths = choice.plan_lengths(3600.0, LOOK, 64, STUDENT, slow, pretrained=True)
    assert lengths.teacher == LEAST_STEPS // 2
    quick = choice.plan_lengths(3600.0, LOOK, 64, STUDENT, TEACHER, pretrained=True)
    assert quick.teacher == -(-10 * 720 // 64)
    scratch = choice.plan_lengths(3600.0, LOOK, 64, STUDENT, TEACHER, pretrained=False)
    assert scratch.teacher == -(-60 * 720 // 64) > 5 * quick.teacher


@pytest.mark.parametrize("pretrained", [True, False, None])
@pytest.mark.parametrize("images", [720, 3000, 20_000])
def test_the_least_minutes_are_enough_and_fewer_are_not(pretrained, images):
    look, slow = LOOK._replace(images=images), TEACHER._replace(step=0.3)
    least = choice.least_seconds(look, 64, STUDENT, slow, pretrained)
    enough = choice.plan_lengths(least, look, 64, STUDENT, slow, pretrained)
    assert enough.student >= LEAST_STEPS
    few = choice.plan_lengths(0.85 * least, look, 64, STUDENT, slow, pretrained)
    assert few.student < LEAST_STEPS


def test_rungs_rise_and_fit_the_images():
    work = [rung.work for rung in choice.LADDER]
    sides = [rung.side for rung in choice.LADDER]
    assert work == sorted(work) and sides == sorted(sides) and len(set(work)) == len(work)
    for short in (20, 32, 60, 96, 150, 500):
        fitting = choice.students(short)
        assert fitting and all(rung.side <= max(32, 1.15 * short) for rung in fitting)
    assert choice.students(500)[-1] is choice.LADDER[-1]
    assert choice.teacher_sides(96, 160) == [160, 128, 96]
    assert choice.teacher_sides(96, 60) == [64]
    assert choice.teacher_sides(32, 20) == [32]


@pytest.mark.parametrize(
    ("images", "labelled", "batch"),
    [(720, 720, 64), (20_000, 1_000, 64), (500, 500, 32), (60, 60, 8), (5, 5, 5), (20_000, 100, 8)],
)
def test_ten_batches_an_epoch(images, labelled, batch):
    assert choice.batch_size(LOOK._replace(images=images, labelled=labelled)) == batch


@pytest.mark.parametrize(("evaluated", "door"), [(240, 2.4), (240_000, shown.SECONDS)])
def test_a_teacher_that_was_loaded_shows_what_it_knows_first(evaluated, door):
    """By hand: it is loaded and folded, looks at 0.01 s an image, a minute at the most."""
    look, ready = LOOK._replace(evaluated=evaluated), TEACHER._replace(ready=33.0)
    loaded = choice.fixed_costs(look, 64, STUDENT, ready, trains=False)
    assert loaded["teacher's door"] == pytest.approx(door)
    assert loaded["first steps"] == 2 * STUDENT.first + 33.0
    trained = choice.fixed_costs(look, 64, STUDENT, ready, trains=True)
    assert trained["teacher's door"] == 0.0
    assert trained["first steps"] == 2 * STUDENT.first + TEACHER.first + 33.0


def test_what_a_slow_file_takes_is_taken_from_the_steps():
    quick = choice.plan_lengths(1200.0, LOOK, 64, STUDENT, TEACHER)
    slow = choice.plan_lengths(1200.0, LOOK, 64, STUDENT, TEACHER._replace(ready=100.0))
    # 0.2 s of student and baseline a step, and evaluations are a tenth of what is left.
    assert quick.student - slow.student == pytest.approx(100 / 0.2, abs=30)
    assert sum(slow.parts.values()) == pytest.approx(sum(quick.parts.values()), abs=2)


def test_speed_follows_the_area():
    assert TEACHER.at(96, 192) == Speed(20.0, 4.0, 0.04)


def test_a_teacher_fits_where_its_share_is_enough():
    assert choice.teacher_fits(3600.0, LOOK, 64, TEACHER, True, True)
    assert not choice.teacher_fits(3600.0, LOOK, 64, TEACHER.at(96, 480), True, True)
    assert choice.teacher_fits(3600.0, LOOK, 64, TEACHER.at(96, 480), True, False)
