"""What fits into the minutes: networks, sizes, views and lengths, by arithmetic on measured times.

Nothing here builds or runs anything: measured times go in, a choice comes out.

A student is a rung of a ladder, small networks on small images at its foot. The best rung is the
highest on which the student still sees each image often enough: see `docs/results.md`, "Function
matching on photographs", for what the number of epochs does.
"""

import math
from typing import NamedTuple

EPOCHS = 100  # that a student should see, before it climbs a rung
PATIENT = 300  # from which on the teacher sees every batch, mixed: function matching
LEAST_STEPS = 100  # of a stage, below which it is not worth the wait
TEACHER_EPOCHS = {True: 10, False: 60}  # pretrained, or from nothing
# Of the time of all stages, at the most: whoever follows a bad teacher for long learns little.
TEACHER_SHARE = {True: 0.45, False: 0.45}
LEAST_PRETRAINED = 96  # px; what was learned at 224 px is not there on much smaller images
EVALUATIONS = 5  # of a stage
EVALUATION_SHARE = 0.1  # of the time of all stages, at the most
BACKWARD = 2.0  # what a step costs beyond a pass, in passes
SIDES = (224, 192, 160, 128, 96, 64, 48, 32)


class Network(NamedTuple):
    """A network on images of a size.

    Attributes:
        name: of a builder of `keras_kd.models`.
        kwargs: its arguments.
        side: of the images in pixels.
        work: rough cost of an image, in any unit: where to begin measuring.
    """

    name: str
    kwargs: dict
    side: int
    work: float


def _resnet(depth, width, side):
    options = {"depth": depth, "width": width, "norm": "batch", "dropout": 0.0}
    return Network("resnet", options, side, 27.0 * (side / 32) ** 2 * width**2 * depth / 14)


def _mobilenet(size, side):
    options = {"minimalistic": True, "dropout": 0.0, "momentum": 0.9}
    work = {"small": 130.0, "large": 420.0}[size] * (side / 96) ** 2
    return Network(f"mobilenet_v3_{size}", options, side, work)


# Students from the smallest to the largest; all have batch norm and convert to full int8.
LADDER = (
    _resnet(8, 0.5, 32),
    _resnet(8, 1.0, 32),
    _resnet(8, 1.0, 48),
    _resnet(14, 1.0, 48),
    _resnet(14, 1.0, 64),
    _mobilenet("small", 96),
    _mobilenet("small", 128),
    _mobilenet("small", 160),
    _mobilenet("large", 160),
    _mobilenet("large", 224),
)


class Look(NamedTuple):
    """What the images are.

    Attributes:
        images: number of images that a student learns from.
        labelled: number of those with labels.
        evaluated: number of images that models are evaluated on.
        classes: number of classes.
        short: median of the images' short sides in pixels.
        compares: whether a baseline learns from the labels, as long as the student.
    """

    images: int
    labelled: int
    evaluated: int
    classes: int
    short: int
    compares: bool = True


class Speed(NamedTuple):
    """What was measured of a network.

    Attributes:
        first: seconds to the end of the first step: building, tracing, compiling.
        step: seconds of a training step, data included.
        view: seconds of an image that it answers to in inference; of a teacher.
        ready: seconds from its file, or its weights, to the first answer, loaded, folded and
            compiled; of a teacher.
    """

    first: float
    step: float
    view: float = 0.0
    ready: float = 0.0

    def at(self, before, side):
        """The speed on images of another side, by their area."""
        scale = (side / before) ** 2
        return self._replace(step=self.step * scale, view=self.view * scale)


class Lengths(NamedTuple):
    """How long each stage is, and what all of it takes.

    Attributes:
        teacher, student: steps; the baseline has as many as the student. 0: no such stage.
        live: whether the teacher sees every batch.
        evaluations: of each stage.
        parts: dict of what -> seconds.
    """

    teacher: int
    student: int
    live: bool
    evaluations: int
    parts: dict

    def epochs(self, look, batch):
        """How often the student sees each image."""
        return self.student * batch / look.images


def batch_size(look):
    """Images a batch: ten batches an epoch at least, where there are so many images."""
    few = min(look.labelled, look.images)
    fitting = [size for size in (64, 32, 16, 8) if size * 10 <= few]
    return fitting[0] if fitting else max(2, min(8, few))


def students(short):
    """The rungs of `LADDER` for images of this short side: nothing is made larger by much."""
    return [rung for rung in LADDER if rung.side <= 1.15 * short] or [LADDER[0]]


def teacher_sides(least, short):
    """Sides at which a teacher may see the images, largest first.

    Args:
        least: px, below which it may not be where the images are large enough.
        short: their median short side, px.
    """
    fitting = [side for side in SIDES if side <= 1.15 * short]
    return [side for side in fitting if side >= least] or fitting[:1] or [SIDES[-1]]


def plan_lengths(seconds, look, batch, student, teacher, pretrained=None):
    """Steps that fit into some seconds.

    Args:
        seconds: of everything that is still to come, fixed costs included.
        look: `Look`.
        batch: images a batch.
        student, teacher: `Speed` of each.
        pretrained: whether the teacher that is to be trained starts from weights; None where it
            has learned already.

    Returns:
        `Lengths`; fewer steps than `LEAST_STEPS` where they do not fit.
    """
    parts = fixed_costs(look, batch, student, teacher, trains=pretrained is not None)
    left = seconds - sum(parts.values())
    evaluations = _evaluations(left, look, batch, student, teacher, pretrained is not None)
    parts["evaluation"] = sum(evaluations.values()) * max(1, _count(left, evaluations))
    count = max(1, _count(left, evaluations))
    left -= parts["evaluation"]
    steps = 0
    if pretrained is not None:
        steps = math.ceil(TEACHER_EPOCHS[pretrained] * look.labelled / batch)
        most = max(0.0, left) * TEACHER_SHARE[pretrained] / teacher.step
        steps = max(LEAST_STEPS // 2, min(steps, int(most)))
        parts["teacher"] = steps * teacher.step
        left -= parts["teacher"]
    live, targets = batch * teacher.view, look.images * teacher.view
    rival = student.step if look.compares else 0.0
    patient = left / (rival + student.step + live)
    mixed = patient * batch / look.images >= PATIENT
    if not mixed:
        parts["targets"] = targets
        left -= targets
    each = student.step + (live if mixed else 0.0)
    own = max(0, int(left / (each + rival)))
    parts["baseline"], parts["distil"] = own * rival, own * each
    return Lengths(steps, own, mixed, count, parts)


def teacher_fits(seconds, look, batch, teacher, pretrained, trains):
    """Whether a teacher of this `Speed` leaves the student its time: see `TEACHER_SHARE`."""
    steps = TEACHER_EPOCHS[pretrained] * look.labelled / batch if trains else 0
    cost = steps * teacher.step + (look.images + 2 * look.evaluated) * teacher.view
    return cost <= TEACHER_SHARE[pretrained] * (seconds - START - EXPORT)


START = 10.0  # seconds: from the command to the plan's first look, and what lies between stages
EXPORT = 75.0  # seconds: all formats of a small network, without checking them on images
DOOR = 60.0  # seconds: how long a loaded teacher shows what it knows, at the most
CHECKS = 8  # passes over the evaluated images that formats and report cost, in passes of Keras


def fixed_costs(look, batch, student, teacher, trains):
    """Seconds that no length changes: dict of what -> seconds."""
    once = student.step / batch / (1 + BACKWARD)
    first = (1 + look.compares) * student.first + (teacher.first if trains else 0.0)
    return {
        "start": START,
        "teacher's door": 0.0 if trains else min(DOOR, look.evaluated * teacher.view),
        "first steps": first + teacher.ready,
        "report": look.evaluated * (teacher.view + once),
        "exports": EXPORT + CHECKS * look.evaluated * once,
    }


def _evaluations(left, look, batch, student, teacher, trains):
    """Seconds of one evaluation of each stage."""
    once = look.evaluated * student.step / batch / (1 + BACKWARD)
    theirs = look.evaluated * teacher.view
    found = {"baseline": once * look.compares, "distil": once + theirs}
    return found | ({"teacher": theirs} if trains else {})


def _count(left, evaluations):
    most = EVALUATION_SHARE * max(0.0, left) / max(sum(evaluations.values()), 1e-9)
    return int(min(EVALUATIONS, most))


def least_seconds(look, batch, student, teacher, pretrained):
    """Seconds below which not even `LEAST_STEPS` of each stage fit."""
    seconds = sum(fixed_costs(look, batch, student, teacher, pretrained is not None).values())
    given = look, batch, student, teacher, pretrained
    while plan_lengths(seconds, *given).student < LEAST_STEPS:
        seconds *= 1.02
    return seconds
