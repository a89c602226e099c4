"""A plan in ten lines."""

from typing import NamedTuple

from keras_kd.run.budget.choice import Lengths, Look, Network, Speed
from keras_kd.run.budget.finding import WEIGHTS


class Chosen(NamedTuple):
    """What was chosen, and on which grounds.

    Attributes:
        look: `Look`.
        batch: images a batch.
        student: `Network` of the student.
        side: of the images that the teacher sees, px.
        speeds: (`Speed` of the student, `Speed` of the teacher).
        lengths: `Lengths`.
        weights: path of the pretrained weights of a teacher that is trained, empty for none; None
            where it has learned already.
    """

    look: Look
    batch: int
    student: Network
    side: int
    speeds: tuple[Speed, Speed]
    lengths: Lengths
    weights: str | None


def describe(chosen, minutes, whom, spent):
    """The plan for a reader.

    Args:
        chosen: `Chosen`.
        minutes: that were asked for.
        whom: handle of a teacher that has learned already, or name of the network that will.
        spent: seconds that the planning took.

    Returns:
        list of str.
    """
    look, lengths = chosen.look, chosen.lengths
    student, teacher = chosen.speeds
    parts = {"planning": spent, **lengths.parts}
    told = ", ".join(f"{name} {_minutes(part)}" for name, part in parts.items() if part >= 1)
    sees = "every batch, mixed (mode mix)" if lengths.live else "each image once (mode fix/cc)"
    rival = ", and as many of the baseline" if look.compares else ""
    training = f", {teacher.step:.3g} s of the teacher" if lengths.teacher else ""
    return [
        f"Plan for {minutes:g} minutes:",
        f"  images: {look.images:,} to learn from, {look.labelled:,} with labels, "
        f"{look.evaluated:,} to evaluate on; {look.classes} classes; short side {look.short} px",
        f"  teacher: {_teacher(chosen, whom)}",
        f"  student: {chosen.student.name} at {chosen.student.side} px, batches of {chosen.batch}",
        f"  views: the teacher sees {sees}",
        f"  lengths: {lengths.student:,} steps of the student, "
        f"{lengths.epochs(look, chosen.batch):,.3g} epochs{rival}",
        f"  measured: a step takes {student.step:.3g} s of the student{training}; the teacher "
        f"looks at {1 / max(teacher.view, 1e-9):,.0f} images a second",
        f"  time: {told}",
        f"  in all: about {_minutes(sum(parts.values()))}",
        "  The plan is kept in plan.json of the working directory, and holds for every restart.",
    ]


def _teacher(chosen, whom):
    if chosen.weights is None:
        return f"{whom}, at {chosen.side} px"
    steps = f"{chosen.lengths.teacher:,} steps at {chosen.side} px"
    if chosen.weights:
        return f"{whom} from {chosen.weights}, fine-tuned for {steps}"
    return (
        f"no pretrained weights were found, so {whom} starts from nothing: {steps}. Weights would "
        f"make it far better: config.budget.weights=FILE or =keras:EfficientNetV2B0, which Keras "
        f"fetches, or a file {WEIGHTS} beside the images"
    )


def _minutes(seconds):
    return f"{seconds / 60:.2g} min"
