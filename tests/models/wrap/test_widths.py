import numpy as np
import pytest

from keras_kd.models.wrap.groups import Groups, Peers
from keras_kd.models.wrap.widths import ranked, shares_of, uniform, within

GROUPS = Groups(np.arange(14), [Peers(np.arange(4), ("a",)), Peers(np.arange(4, 14), ("b", "c"))])
IMPORTANCE = np.array([4.0, 1, 3, 2, *range(10)])


def kept(keep):
    return np.flatnonzero(keep).tolist()


def test_uniform_keeps_the_most_important_of_each():
    assert kept(uniform(GROUPS, IMPORTANCE, [0.5, 0.2])) == [0, 2, 12, 13]
    assert kept(uniform(GROUPS, IMPORTANCE, [0.01, 1.0])) == [0, *range(4, 14)]
    assert uniform(GROUPS, IMPORTANCE, [1.0, 1.0]).all()
    # A scale makes what is cut narrower, and leaves what is not.
    assert kept(uniform(GROUPS, IMPORTANCE, [0.5, 1.0], 0.5)) == [0, *range(4, 14)]


def test_of_equal_ones_the_first_stay():
    assert kept(uniform(GROUPS, np.ones(14), [0.5, 0.2])) == [0, 1, 4, 5]


def test_global_ranks_by_the_mean_of_the_peers_and_keeps_a_floor():
    # Relative to 2.5 and 4.5: a has 1.6, 0.4, 1.2, 0.8; b 0, 0.22, ..., 2. Half of 14 go.
    assert kept(ranked(GROUPS, IMPORTANCE, [0.5, 0.5])) == [0, 2, 9, 10, 11, 12, 13]
    low = np.array([0.0, 0, 0, 1, *np.full(10, 1.0)])
    assert ranked(GROUPS, low, [0.5, 0.5], floor=0.5)[:4].sum() == 2
    assert ranked(GROUPS, low, [0.5, 1.0])[4:].all()


def test_shares_by_patterns():
    assert shares_of(0.3, GROUPS.peers) == [0.3, 0.3]
    assert shares_of({"c": 0.3}, GROUPS.peers) == [1.0, 0.3]
    assert shares_of({"[ab]": 0.5, "*": 0.1}, GROUPS.peers) == [0.5, 0.5]


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "half", None, float("nan")])
def test_no_share(width):
    with pytest.raises(ValueError, match=r"width must be a share.*Received: width="):
        shares_of(width, GROUPS.peers)


def test_a_pattern_that_no_layer_has():
    with pytest.raises(ValueError, match=r"Received: 'aa'.*Did you mean 'a'"):
        shares_of({"aa": 0.5}, GROUPS.peers)
    assert shares_of({"aa": 0.5, "c": 0.3}, GROUPS.peers, gone={"aa"}) == [1.0, 0.3]


def test_budget():
    cost = lambda scale: uniform(GROUPS, IMPORTANCE, [1.0, 0.9], scale).sum()  # noqa: E731
    assert cost(within(cost, 14, "groups")) == 13
    assert cost(within(cost, 7, "groups")) == 7
    assert cost(within(cost, 5, "groups")) == 5
    with pytest.raises(ValueError, match=r"Received: groups=4; the narrowest.*needs 5"):
        within(cost, 4, "groups")
    for wrong in (0, -1, True, "7", None, float("nan")):
        with pytest.raises(
            ValueError, match=r"groups must be a number above 0\. Received: groups="
        ):
            within(cost, wrong, "groups")


def test_a_measured_budget_takes_few_looks():
    looked = []

    def cost(scale):
        looked.append(scale)
        return 10 * scale

    assert within(cost, 3.3, "ms", steps=4, widest=0.8) == pytest.approx(0.3)
    assert looked == pytest.approx([0.8, 0.4, 0.2, 0.3, 0.35])
