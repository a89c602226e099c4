"""Proposals of every space become networks; sides are those that a builder takes."""

import pytest
from shrunk import residual

optuna = pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")

from keras_kd import models  # noqa: E402
from keras_kd.run.search import spaces  # noqa: E402
from keras_kd.run.search.proposals import propose, sides_of  # noqa: E402
from keras_kd.run.search.spaces import Given  # noqa: E402


def trials(count, seed=0):
    """Trials of a study that draws at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [study.ask() for _ in range(count)]


def given(name, kwargs=()):
    return Given(dict(kwargs), residual)


@pytest.mark.parametrize(("resolution", "sides"), [
    (8, [8]), (32, [16, 24, 32]), (96, [48, 64, 80, 96]), (100, [48, 64, 80, 100]),
])  # fmt: skip
def test_sides(resolution, sides):
    assert sides_of(resolution) == sides


def test_a_builder_sees_no_smaller_side_than_it_takes():
    found = {propose(one, ["mobilenet_v3_small"], given, 48).side for one in trials(20)}
    assert found == {32, 40, 48}
    assert propose(trials(1)[0], ["mobilenet_v3_small"], given, 16).side == 16  # it says so itself


def test_several_networks():
    found = {propose(one, ["resnet", "shrink"], given, 16).name for one in trials(20)}
    assert found == {"resnet", "shrink"}


@pytest.mark.parametrize("name", [name for name in spaces.names() if not models.wraps(name)])
def test_spaces_of_builders(name):
    """Whatever is drawn can be built."""
    for one in trials(2):
        proposal = propose(one, [name], given, 32)
        built = models.build(name, 5, (proposal.side, proposal.side, 3), **proposal.kwargs)
        assert built.output_shape == (None, 5)
        models.check(name, proposal.kwargs)


def test_what_the_config_says_stays_unless_it_is_drawn():
    drawn = spaces.get("resnet").draw(trials(1)[0], given("resnet", {"norm": "group", "depth": 56}))
    assert drawn["norm"] == "group" and drawn["depth"] in (8, 14, 20)
