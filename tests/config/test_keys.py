"""Keys and sections: what a config may be given, and what an older one lacks."""

import json

import pytest

from keras_kd.config import base, network, stage
from keras_kd.config.keys import completed, differences


def test_a_locked_config_takes_stages_and_networks_of_ones_own():
    config = base()
    config.again = stage(teachers=("distil",))
    config.assistant = network("resnet", depth=8)
    config.assistant.train = stage()
    config.student.train = stage()
    assert config.is_locked and config.assistant.model.kwargs.depth == 8
    config.assistant.model.kwargs.width = 0.5  # a builder's arguments are its own
    config.again.methods.soft_targets = {}
    config.distil.optimizer_options.epsilon = 1e-8


@pytest.mark.parametrize("value", [3, "text", {"depth": 8}])
def test_anything_else_is_a_mistyped_key(value):
    with pytest.raises(AttributeError, match='Did you mean "student"'):
        base().studnet = value


def test_a_copy_is_as_open():
    config = base().copy_and_resolve_references()
    config.again = stage()
    assert config.is_locked and config.again.enabled


def test_an_older_config_gets_what_it_lacks_and_keeps_what_it_has():
    config = base()
    config.again = stage(teachers=("distil",), seed=3)
    config.assistant = network(depth=8, train=stage(total="3 steps"))
    full = json.loads(config.to_json_best_effort())
    assert completed(full) == full
    older = json.loads(json.dumps(full))
    del older["stages"], older["distil"]["teachers"], older["data"]["eval_scale"]
    del older["again"]["seed"], older["assistant"]["train"]["ema"]
    older["distil"]["methods"] = {"dkd": {}}
    found = completed(older)
    assert found["stages"] == ["teacher", "baseline", "distil"]
    assert found["distil"]["teachers"] == ["teacher"] and found["data"]["eval_scale"] == 8 / 7
    assert found["again"]["seed"] == 0 and found["again"]["teachers"] == ["distil"]
    assert found["assistant"]["train"] == full["assistant"]["train"]
    assert found["distil"]["methods"] == {"dkd": {}}  # somebody else's arguments are not filled up


def test_differences_are_told_by_dotted_key():
    there, here = {"a": {"b": 1, "c": 2}, "d": {}}, {"a": {"b": 1, "c": 3}, "e": None}
    assert differences(there, here) == ["a.c: 2 there, 3 here", "e: '(not set)' there, None here"]
    assert differences(there, there) == []
