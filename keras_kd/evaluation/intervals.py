"""95 % intervals of accuracies, of the difference of two on the same images, and a test of it."""

from scipy.special import bdtr, betaincinv

OUTSIDE = 0.05  # share of cases in which the truth may lie outside


def accuracy_interval(right, count):
    """The exact interval of a share of right answers.

    Args:
        right: right answers, an int in [0, count].
        count: answers, at least 1.

    Returns:
        (low, high), shares in [0, 1].

    Raises:
        ValueError: counts out of their range.

    Reference: Clopper and Pearson 1934, Biometrika 26.
    """
    if not 0 <= right <= count or count < 1:
        raise ValueError(
            "An interval needs 0 <= right <= count and count >= 1. "
            f"Received: right={right}, count={count}."
        )
    low = betaincinv(right, count - right + 1, OUTSIDE / 2) if right else 0.0
    high = betaincinv(right + 1, count - right, 1 - OUTSIDE / 2) if right < count else 1.0
    return float(low), float(high)


def paired_interval(only_first, only_second, count):
    """The interval of the difference of two accuracies on the same images.

    Only images on which one of the two is right tell them apart. How many of these are the
    first's is a binomial count, whose exact interval becomes one of the difference: it holds zero
    where McNemar's exact test finds nothing, however small the counts.

    Args:
        only_first: images on which the first alone is right.
        only_second: images on which the second alone is right.
        count: all images.

    Returns:
        (low, high) of the first's accuracy less the second's, in [-1, 1].

    Raises:
        ValueError: counts out of their range.

    Reference: McNemar 1947, Psychometrika 12; the exact form is the sign test.
    """
    differing = only_first + only_second
    if min(only_first, only_second) < 0 or not 1 <= count >= differing:
        raise ValueError(
            "A paired interval needs counts of at least 0 that are parts of count >= 1. Received: "
            f"only_first={only_first}, only_second={only_second}, count={count}."
        )
    if not differing:
        # Of images that differ there may be as many as are missed `count` times by chance.
        most = accuracy_interval(0, count)[1]
        return -most, most
    low, high = accuracy_interval(only_first, differing)
    return (2 * low - 1) * differing / count, (2 * high - 1) * differing / count


def paired_test(only_first, only_second):
    """How often two equally good models would differ at least as much as these: McNemar's test.

    It is exact for counts of every size, so there is no approximation to choose between.

    Args:
        only_first: images on which the first alone is right.
        only_second: images on which the second alone is right.

    Returns:
        the two-sided probability, a float in (0, 1].

    Raises:
        ValueError: negative counts.

    Reference: McNemar 1947, Psychometrika 12; the exact form is the sign test.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(
            "A paired test needs counts of at least 0. "
            f"Received: only_first={only_first}, only_second={only_second}."
        )
    least = min(only_first, only_second)
    return min(1.0, 2 * float(bdtr(least, only_first + only_second, 0.5)))


def unpaired_interval(first, second, count):
    """The interval of the difference of two accuracies of which only the counts are known.

    Args:
        first: right answers of the first.
        second: right answers of the second.
        count: answers of each, at least 1.

    Returns:
        (low, high) of the first's accuracy less the second's.

    Raises:
        ValueError: counts out of their range.

    Reference: Newcombe 1998, Statistics in Medicine 17, on the exact interval of each.
    """
    (low1, high1), (low2, high2) = (accuracy_interval(one, count) for one in (first, second))
    p1, p2 = first / count, second / count
    difference = p1 - p2
    below = ((p1 - low1) ** 2 + (high2 - p2) ** 2) ** 0.5
    above = ((high1 - p1) ** 2 + (p2 - low2) ** 2) ** 0.5
    return difference - below, difference + above


def is_apart(interval):
    """Whether an interval of a difference leaves zero out."""
    low, high = interval
    return low > 0 or high < 0
