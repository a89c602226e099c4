"""The training step is not traced again after its first call, and never leaves the device."""

import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel, methods, models


class Counted(KDModel):
    """Counts how often Python runs through the step: once a trace."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


@pytest.fixture
def step():
    def network():
        return models.resnet(8, 0.5, 3, (8, 8, 1))

    kd = Counted(network(), network(), methods.SoftTargets(temperature=2.0))
    kd.compile("adam", metrics=["sparse_categorical_accuracy"], jit_compile=False)
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (24, 8, 8, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((images, rng.integers(0, 3, 24)))
    return kd, data.batch(8, drop_remainder=True).repeat()


def test_no_new_trace_over_epochs_and_fits(step):
    """Stages train in several calls of `fit`: evaluation and a new iterator trace nothing anew."""
    kd, data = step
    traces = []
    for _ in range(3):
        kd.fit(data, steps_per_epoch=2, epochs=2, validation_data=data.take(2), verbose=0)
        traces.append(kd.traces)
    assert kd.optimizer.iterations == 12
    # The first call may take two: Keras makes the compiled metrics' variables in the first.
    assert traces[0] <= 2 and traces == traces[:1] * 3


def test_rate_and_weights_may_change_without_a_new_trace(step):
    kd, data = step
    kd.fit(data, steps_per_epoch=2, verbose=0)
    traces = kd.traces
    kd.optimizer.learning_rate.assign(0.5)
    kd.student.set_weights(kd.student.get_weights())
    kd.fit(data, steps_per_epoch=2, verbose=0)
    assert kd.traces == traces


def test_the_step_never_asks_the_host(step):
    """No Python function and no host call in the graph; logs are tensors of the graph."""
    kd, data = step
    logs = {}

    @tf.function
    def graph(batch):
        logs.update(kd.train_step(batch))
        return logs["loss"]

    function = graph.get_concrete_function(next(iter(data)))
    kinds = {node.op for node in function.graph.as_graph_def().node}
    library = function.graph.as_graph_def().library.function
    kinds |= {node.op for body in library for node in body.node_def}
    assert "Conv2DBackpropFilter" in kinds or "_MklNativeConv2DBackpropFilter" in kinds
    assert not {kind for kind in kinds if "Py" in kind or "Print" in kind or "Summary" in kind}
    assert {"loss", "soft_targets", "sparse_categorical_accuracy"} == set(logs)
    assert all(tf.is_symbolic_tensor(value) for value in logs.values())
