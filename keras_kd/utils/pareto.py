"""What is worth choosing among: the Pareto front."""


def front(items, costs):
    """The items than which none is as good in all and better in something.

    Args:
        items: a list.
        costs: function from an item to a tuple of numbers, each the better the smaller; of all
            items the same length.

    Returns:
        list of them, in their order; of equal ones all.
    """
    found = [tuple(costs(one)) for one in items]

    def beaten(own):
        return any(other != own and all(a <= b for a, b in zip(other, own)) for other in found)

    return [one for one, own in zip(items, found) if not beaten(own)]
