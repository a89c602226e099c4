"""Files of another framework on two replicas: each calls the one runtime, for its own images."""

import numpy as np
import tensorflow as tf
from onnx_files import logits_of, write
from tflite_files import network
from tflite_files import write as write_lite

from keras_kd.data.assembly import options as untuned
from keras_kd.teachers import freeze, load


def test_two_replicas_give_what_one_does(make_strategy, tmp_path):
    two_replicas = make_strategy(2)
    x = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3)).astype("float32")
    model = network()
    expected = {
        write(tmp_path / "a.onnx"): logits_of(x),
        write_lite(tmp_path / "a.tflite", model): model(x),
    }
    for path, logits in expected.items():
        with two_replicas.scope():
            teacher = freeze(load(path, 4, (8, 8, 3), input_range=(-1, 1)), batch_size=3)
        assert teacher.engine == "graph"
        data = tf.data.Dataset.from_tensor_slices(x).batch(6).with_options(untuned())
        (batch,) = two_replicas.experimental_distribute_dataset(data)
        found = two_replicas.run(tf.function(teacher), (batch,))
        found = tf.concat(two_replicas.experimental_local_results(found), 0)
        np.testing.assert_allclose(found, logits, atol=1e-4)
