"""Channels that must be cut together: a union-find over single channels."""

import numpy as np


class Channels:
    """Every channel that a layer of a network makes, as a number; united ones stand or fall as one.

    Attributes:
        names: what made each set of channels, such as the name of a convolution.
    """

    def __init__(self):
        self.names = []
        self._parent, self._made_by, self._frozen = [], [], []

    def fresh(self, count, name):
        """New channels.

        Args:
            count: how many.
            name: of the layer that makes them.

        Returns:
            int array `[count]`.
        """
        start = len(self._parent)
        self._parent += range(start, start + count)
        self._made_by += [len(self.names)] * count
        self._frozen += [False] * count
        self.names.append(name)
        return np.arange(start, start + count)

    def unite(self, first, second):
        """Makes of each pair of channels one; arrays of one length."""
        for one, other in zip(first.tolist(), second.tolist()):
            one, other = self._root(one), self._root(other)
            self._parent[max(one, other)] = min(one, other)

    def freeze(self, ids):
        """Channels that are never cut."""
        for one in ids.tolist():
            self._frozen[one] = True

    def all_frozen(self, ids):
        """Whether none of these, as far as is known yet, can be cut."""
        return all(self._frozen[one] for one in ids.tolist())

    def _root(self, one):
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def groups(self):
        """The `Groups` that the channels have become."""
        roots = np.array([self._root(one) for one in range(len(self._parent))], int)
        _, group_of = np.unique(roots, return_inverse=True)
        makers = [set() for _ in range(group_of.max() + 1)]
        frozen = np.zeros(len(makers), bool)
        for one, group in enumerate(group_of.tolist()):
            makers[group].add(self._made_by[one])
            frozen[group] |= self._frozen[one]
        alike = {}
        for group, made_by in enumerate(makers):
            if not frozen[group]:
                alike.setdefault(frozenset(made_by), []).append(group)
        peers = [
            Peers(np.array(found), tuple(self.names[maker] for maker in sorted(made_by)))
            for made_by, found in alike.items()
        ]
        return Groups(group_of, peers)


class Peers:
    """Groups among which may be chosen, as the same layers make each of them.

    Cutting every layer's share of its peers, and never all of them, leaves each layer a channel.

    Args:
        groups: int array of group numbers.
        layers: names of the layers that make them.
    """

    def __init__(self, groups, layers):
        self.groups, self.layers = groups, layers

    def __len__(self):
        return len(self.groups)


class Groups:
    """The channel groups of a network.

    Args:
        group_of: int array, from a channel to its group.
        peers: list of `Peers`; groups of none are never cut.
    """

    def __init__(self, group_of, peers):
        self.group_of, self.peers = group_of, peers
        self.count = int(group_of.max()) + 1
