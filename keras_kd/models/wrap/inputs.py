"""What a layer of a functional model gets its numbers from.

Keras tells it by `_keras_history` and the nodes of an operation, which are its own: this file is
the only one that touches them, and `tests/models/wrap/test_inputs.py` fails loudly when they
change.
"""

import keras


def maker_of(tensor, skipped):
    """The operation that made a symbolic tensor.

    Args:
        tensor: what a layer is called with; anything but a symbolic tensor has no maker.
        skipped: function of an operation, true for those whose own input is looked at instead.

    Returns:
        a Keras operation, or None.
    """
    while isinstance(tensor, keras.KerasTensor):
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        operation = history.operation
        node = operation._inbound_nodes[history.node_index]
        if not skipped(operation) or len(node.input_tensors) != 1:
            return operation
        tensor = node.input_tensors[0]
    return None
