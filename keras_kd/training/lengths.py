"""The lengths of a stage in steps, and the optimizer whose schedule follows from them."""

from typing import NamedTuple

from keras_kd import optimizers
from keras_kd.training.pieces import Piece, spliced
from keras_kd.utils.lengths import steps


class Lengths(NamedTuple):
    """What turns lengths such as "10 epochs" into steps.

    Attributes:
        num_examples: training examples an epoch.
        batch_size: examples a step, over all replicas.
        steps_per_execution: as in Keras, which runs only whole executions.
    """

    num_examples: int
    batch_size: int
    steps_per_execution: int = 1

    def steps(self, length, total=None):
        """A length in steps; `total`, steps of the whole, is what a percentage is of."""
        units = {"num_examples": self.num_examples, "batch_size": self.batch_size}
        return steps(length, **units, total=total)

    def whole_executions(self, count):
        """Steps rounded up to whole executions, one at least."""
        return -(-max(1, count) // self.steps_per_execution) * self.steps_per_execution

    def total(self, settings):
        """Steps of a whole stage.

        Args:
            settings: the stage's section of the config.

        Returns:
            int, whole executions.
        """
        return self.total_of(settings.total)

    def total_of(self, length):
        """Steps of a whole stage of this length, whole executions."""
        return self.whole_executions(self.steps(length))

    def interval(self, settings):
        """Steps between two evaluations of a stage, whole executions."""
        return self.whole_executions(self.steps(settings.interval, self.total(settings)))

    def warmup(self, settings):
        """Steps of a stage's warm-up."""
        return self.steps(settings.warmup, self.total(settings))


def make_optimizer(settings, lengths, pieces=None, times=1):
    """The optimizer of a stage, with its schedule in steps.

    Args:
        settings: the stage's section of the config.
        lengths: `Lengths` of the run.
        pieces: list of `Piece` of a stage that was prolonged; None for one piece.
        times: how often it moves its learner in a step of the stage.

    Returns:
        a `keras.optimizers.Optimizer`.

    Raises:
        ValueError: a warm-up or a decay that lies outside the stage, an impossible rate, or an
            option that the optimizer does not have.
    """

    def schedule(length):
        further = {}
        if settings.schedule == "staircase":
            further["decay_at"] = [lengths.steps(one, length) for one in settings.decay_at]
        # Where they are 0 the schedule need not have them.
        further |= {key: settings[key] for key in ("first_rate", "last_rate") if settings[key]}
        warmup = lengths.steps(settings.warmup, length)
        name, peak = settings.schedule, settings.learning_rate
        return optimizers.make_schedule(name, peak, length, warmup, **further)

    rate = spliced(pieces or [Piece(0, 0, lengths.total(settings))], schedule)
    return optimizers.build(
        settings.optimizer,
        optimizers.Slowed(rate, times) if times > 1 else rate,
        weight_decay=settings.weight_decay,
        clip=settings.clip,
        options=settings.optimizer_options,
    )


def steps_to_keep(keep_at, settings, lengths):
    """The steps of a stage whose checkpoints are kept for good.

    Args:
        keep_at: lengths from the stage's start, such as "10 percent" or "100 steps".
        settings: the stage's section of the config.
        lengths: `Lengths` of the run; steps are rounded up to whole executions.

    Returns:
        list of int, sorted.

    Raises:
        ValueError: a length that is none, or that the stage does not have.
    """
    total = lengths.total(settings)
    found = set()
    for length in keep_at:
        step = lengths.steps(length, total)
        step = lengths.whole_executions(step) if step else 0
        if not 0 < step <= total:
            raise ValueError(
                f"config.checkpoint.keep_at must hold lengths within the stage's {total:,} steps. "
                f"Received: {length!r}, which is step {step:,}. Leave it out or train longer."
            )
        found.add(step)
    return sorted(found)
