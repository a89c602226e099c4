"""The lengths of a stage in steps, and the optimizer whose schedule follows from them."""

from keras_kd import optimizers
from keras_kd.training import pieces as prolong
from keras_kd.utils.lengths import steps


def make_optimizer(settings, num_examples, batch_size, steps_per_execution=1, pieces=None):
    """The optimizer of a stage, with its schedule in steps.

    Args:
        settings: the stage's section of the config.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        steps_per_execution: as in Keras.
        pieces: list of `Piece` of a stage that was prolonged; None for one piece.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: a warm-up or a decay that lies outside the stage, an impossible rate, or an
            option that the optimizer does not have.
    """
    total = total_steps(settings.total, num_examples, batch_size, steps_per_execution)

    def schedule(length):
        units = unit_sizes(num_examples, batch_size, length)
        further = {}
        if settings.schedule == "staircase":
            further["decay_at"] = [steps(boundary, **units) for boundary in settings.decay_at]
        warmup = steps(settings.warmup, **units)
        name, peak = settings.schedule, settings.learning_rate
        return optimizers.make_schedule(name, peak, length, warmup, **further)

    return optimizers.build(
        settings.optimizer,
        prolong.spliced(pieces or [prolong.Piece(0, 0, total)], schedule),
        weight_decay=settings.weight_decay,
        clip=settings.clip,
        options=settings.optimizer_options,
    )


def steps_to_keep(keep_at, settings, num_examples, batch_size, steps_per_execution=1):
    """The steps of a stage whose checkpoints are kept for good.

    Args:
        keep_at: lengths from the stage's start, such as "10 percent" or "100 steps".
        settings: the stage's section of the config.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        steps_per_execution: as in Keras; steps are rounded up to whole executions.

    Returns:
        list of int, sorted.

    Raises:
        ValueError: a length that is none, or that the stage does not have.
    """
    total = total_steps(settings.total, num_examples, batch_size, steps_per_execution)
    found = set()
    for length in keep_at:
        step = steps(length, **unit_sizes(num_examples, batch_size, total))
        step = whole(step, steps_per_execution)
        if not 0 < step <= total:
            raise ValueError(
                f"config.checkpoint.keep_at must hold lengths within the stage's {total:,} steps. "
                f"Received: {length!r}, which is step {step:,}. Leave it out or train longer."
            )
        found.add(step)
    return sorted(found)


def stage_lengths(settings, num_examples, batch_size, steps_per_execution=1):
    """The lengths of a stage in steps.

    Args:
        settings: the stage's section of the config.
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        steps_per_execution: as in Keras.

    Returns:
        (total, warm-up, interval): whole executions each but the warm-up.
    """
    total = total_steps(settings.total, num_examples, batch_size, steps_per_execution)
    units = unit_sizes(num_examples, batch_size, total)
    interval = whole(max(1, steps(settings.interval, **units)), steps_per_execution)
    return total, steps(settings.warmup, **units), interval


def total_steps(length, num_examples, batch_size, steps_per_execution=1):
    """A stage's total in steps, whole executions, at least one; arguments as `make_optimizer`'s."""
    count = steps(length, **unit_sizes(num_examples, batch_size, None))
    return whole(max(1, count), steps_per_execution)


def unit_sizes(num_examples, batch_size, total):
    """The arguments of `keras_kd.utils.lengths.steps` for a stage."""
    return {"num_examples": num_examples, "batch_size": batch_size, "total": total}


def whole(count, multiple):
    """`count` rounded up: with several steps per execution Keras runs only whole executions."""
    return -(-count // multiple) * multiple
