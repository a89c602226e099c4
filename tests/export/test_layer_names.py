"""A tensor belongs to the layer in its name."""

from keras_kd.export.layer_names import layer_of


def test_a_tensor_is_of_the_layer_in_its_name():
    layers = {"inner", "norm2", "norm", "block_1"}
    told = [layer_of(name, layers) for name in (
        "net_3/norm2_1/Mean_1", "net/block_1/Relu;net/norm/x", "StatefulPartitionedCall:0", "odd/x",
    )]  # fmt: skip
    assert told == ["norm2", "block_1", "the answers", "odd/x"]
