"""Whether answers have anything to do with the labels, and under which order of classes they would.

Chance is what answers of the same frequencies would hit if they were dealt out at random: 1/K where
all classes are as frequent, and the largest class's share for a model that always names that class.
"""

from typing import NamedTuple

import numpy as np

CERTAIN = 0.01  # how often answers at random may pass for better
POWER = 0.95  # how often a useful model must be told from them
REORDERED = 0.001  # how often another order or reading may look better for nothing
LEAST_GAIN = 0.05  # share of the examples that another order must turn right


class Verdict(NamedTuple):
    """What labels say of answers.

    Attributes:
        count: examples.
        share: share of right answers, in [0, 1].
        chance: what answers at random would be right on, in [0, 1].
        better: whether these are right more often than that.
        decidable: whether there are examples enough to say so: a model that is right half as often
            again as lies between chance and perfection would nearly always have been `better`.
    """

    count: int
    share: float
    chance: float
    better: bool
    decidable: bool


def verdict(labels, answers):
    """Judges answers by their labels.

    Args:
        labels: int `[N]`, the true classes.
        answers: int `[N]`, the likeliest classes.

    Returns:
        a `Verdict`.
    """
    from scipy.stats import binom  # here, since importing it takes a second

    count, right = len(labels), int(np.sum(labels == answers))
    kinds = max(int(labels.max()), int(answers.max())) + 1
    shares = (np.bincount(x, minlength=kinds) / count for x in (labels, answers))
    chance = min(float(np.prod(list(shares), axis=0).sum()), 1.0)
    needed = int(binom.isf(CERTAIN, count, chance)) + 1
    return Verdict(
        count=count,
        share=right / count,
        chance=chance,
        better=right >= needed,
        decidable=bool(binom.sf(needed - 1, count, (1 + chance) / 2) >= POWER),
    )


def is_useful(judged):
    """Whether answers are right at least half as often as lies between chance and perfection.

    Even a network that has learned nothing tells some classes apart, so that under the order which
    suits it best it is right more often than chance.

    Args:
        judged: a `Verdict`.
    """
    return judged.better and judged.share >= (1 + judged.chance) / 2


def best_order(labels, answers, num_classes):
    """The order of a model's classes under which most of its answers are right.

    Args:
        labels: int `[N]`.
        answers: int `[N]`.
        num_classes: K.

    Returns:
        int `[K]`: for each output of the model the class that it stands for.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (answers, labels), 1)
    # Of equal orders the one that moves least.
    outputs, classes = linear_sum_assignment(-(counts + 1e-6 * np.eye(num_classes)))
    return classes[np.argsort(outputs)]


def reordered(labels, answers, num_classes):
    """Answers under an order that other examples chose: half of them each for the other half.

    An order that is fitted to chance hits by chance where it was not fitted.

    Args:
        labels: int `[N]`.
        answers: int `[N]`.
        num_classes: K.

    Returns:
        int `[N]`.
    """
    found = np.empty_like(answers)
    half = np.arange(len(labels)) % 2 == 0
    for chosen, tested in ((half, ~half), (~half, half)):
        found[tested] = best_order(labels[chosen], answers[chosen], num_classes)[answers[tested]]
    return found


def is_out_of_order(labels, answers, num_classes):
    """Whether another order of the classes turns more answers right than chance explains, and most.

    Args:
        labels: int `[N]`.
        answers: int `[N]`.
        num_classes: K.

    Returns:
        bool.
    """
    other = reordered(labels, answers, num_classes)
    better = turns_right(labels, answers, other, LEAST_GAIN)
    return better and is_useful(verdict(labels, other))


def turns_right(labels, answers, others, least):
    """Whether other answers to the same images are right more often than chance explains.

    Args:
        labels: int `[N]`.
        answers: int `[N]`.
        others: int `[N]`.
        least: share of the examples that more are to be right, in [0, 1].

    Returns:
        bool.
    """
    from scipy.stats import binom

    now, then = answers == labels, others == labels
    gained, lost = int(np.sum(then & ~now)), int(np.sum(now & ~then))
    if gained - lost < least * len(labels):
        return False
    return bool(binom.sf(gained - 1, gained + lost, 0.5) <= REORDERED)
