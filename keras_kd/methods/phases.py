"""Phases: the parts of a training step, each with its own learners and its own images."""

import dataclasses

MAIN = "main"  # where every method counts that does not say otherwise


@dataclasses.dataclass(frozen=True)
class Phase:
    """One part of a training step: who learns in it, who passes gradients on, on which images.

    Phases run one after the other. In a phase each learner runs once, in training mode, and takes
    one step of its own optimizer; it sees the outputs of all others without their gradients. All
    that does not learn in the phase runs at most once a step on the same images: in inference mode,
    unless it has learned from them in an earlier phase, whose outputs then are taken.

    Args:
        name: name of the phase; phases of one name, brought by several methods, become one.
        learners: names of networks that learn; those of the phase's methods are added.
        inside: names of networks that gradients pass through on their way to a learner, and that
            do not move: a critic while the student learns, teacher and student while a generator
            learns. A learner that stands here too learns from its own losses alone.
        images: name of a network that makes the images of this phase of noise; "": the data's.
        repeats: how often the phase comes in a step, one time after the other, on the same noise or
            data.
    """

    name: str
    learners: tuple = ()
    inside: tuple = ()
    images: str = ""
    repeats: int = 1


def arranged(methods):
    """The phases of a step, in order.

    Args:
        methods: list of `keras_kd.methods.Method`.

    Returns:
        list of `Phase`. What a method names before the main phase comes before it, and all else
        after it, in the order of the methods; a phase without a loss is left out.

    Raises:
        ValueError: a method in a phase that no one brings, a learner without a loss in its phase,
            or two makers of images for one phase.
    """
    before, after, found = [], [], {MAIN: Phase(MAIN)}
    for method in methods:
        brought = list(method.phases())
        names = [phase.name for phase in brought]
        first = names[: names.index(MAIN)] if MAIN in names else []
        for phase in brought:
            if phase.name not in found:
                (before if phase.name in first else after).append(phase.name)
            found[phase.name] = _joined(found.get(phase.name, phase), phase)
    for method in methods:
        if method.phase not in found:
            raise ValueError(
                f"{method.name} counts in a phase that no method brings. Received: "
                f"phase={method.phase!r}, and phases {', '.join(found)}."
            )
        own = Phase(method.phase, learners=(method.learner,))
        found[method.phase] = _joined(found[method.phase], own)
    phases = [found[name] for name in (*before, MAIN, *after)]
    for phase in phases:
        taught = {method.learner for method in methods if method.phase == phase.name}
        if idle := [name for name in phase.learners if name not in taught]:
            raise ValueError(
                f"A learner needs a loss in its phase. Received: learners={list(phase.learners)} "
                f"of phase {phase.name!r}, where no method has learner={idle[0]!r}."
            )
    return [phase for phase in phases if phase.learners]


def _joined(one, other):
    if one.images and other.images and one.images != other.images:
        raise ValueError(
            f"A phase has images of one kind. Received: images={one.images!r} and "
            f"images={other.images!r} for phase {one.name!r}. Put them into phases of their own."
        )
    return Phase(
        one.name,
        tuple(dict.fromkeys(one.learners + other.learners)),
        tuple(dict.fromkeys(one.inside + other.inside)),
        one.images or other.images,
        max(one.repeats, other.repeats),
    )
