"""Layers by their operators; the last one's is called otherwise."""

from types import SimpleNamespace

from keras_kd.export.kept_layers import layer_named


def test_the_answers_are_those_of_the_last_layer():
    model = SimpleNamespace(output_names=["head"])
    assert layer_named("StatefulPartitionedCall:0", {"head", "a"}, model) == "head"
    assert layer_named("net_1/a_1/MatMul", {"head", "a"}, model) == "a"
    assert layer_named("StatefulPartitionedCall:0", {"a"}, model) == "the answers"
