import numpy as np

from keras_kd.models.wrap.groups import Channels


def test_united_channels_are_one_group_and_those_made_alike_are_peers():
    channels = Channels()
    first, second, other = (channels.fresh(n, name) for n, name in ((2, "a"), (3, "b"), (2, "c")))
    channels.unite(first, second[:2])
    channels.freeze(other[:1])
    groups = channels.groups()
    assert groups.count == 5
    assert [groups.group_of[i] for i in first] == [groups.group_of[i] for i in second[:2]]
    found = {peers.layers: len(peers) for peers in groups.peers}
    assert found == {("a", "b"): 2, ("b",): 1, ("c",): 1}


def test_a_group_is_frozen_with_one_of_its_channels():
    channels = Channels()
    first, second = channels.fresh(3, "a"), channels.fresh(3, "b")
    channels.freeze(first)
    channels.unite(second, first[::-1])
    assert channels.groups().peers == []
    assert channels.all_frozen(first) and not channels.all_frozen(np.append(first, second))
