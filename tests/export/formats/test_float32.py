"""TFLite in float32: the Keras logits, by the bare interpreter."""

import numpy as np
from lite_interpreter import logits_of_file


def test_logits_are_the_keras_logits(exported, batch_norm_net, images):
    expected = batch_norm_net(images, training=False).numpy()
    np.testing.assert_allclose(logits_of_file(exported("float32")[0], images), expected, atol=1e-4)
