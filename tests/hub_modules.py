"""SavedModels in every flavour that a hub handle can lead to, of arithmetic checked by hand."""

import numpy as np
import tensorflow as tf

KINDS = ("module", "listed", "signature")


class Module(tf.Module):
    """Mean over space times a matrix; the arithmetic is simple enough to check in NumPy."""

    def __init__(self, units=4, channels=3, listed=False, side=None):
        super().__init__()
        kernel = np.random.default_rng(0).normal(size=(channels, units)).astype("float32")
        self.layers = [{"kernel": tf.Variable(kernel)}]
        self.count = tf.Variable(0.0, trainable=False)
        if listed:  # as the BiT modules do
            self.kept_trainable = [self.layers[0]["kernel"]]
        spec = tf.TensorSpec((None, side, side, channels), tf.float32)
        self.__call__ = tf.function(self._call, input_signature=[spec])

    def _call(self, images):
        return tf.reduce_mean(images, [1, 2]) @ self.layers[0]["kernel"]


class Listed(tf.train.Checkpoint):
    """Lists `variables` and `trainable_variables` explicitly, one trainable of two."""

    def __init__(self):
        super().__init__()
        module = Module()
        self.inner = module
        self.variables = list(module.variables)
        self.trainable_variables = [module.layers[0]["kernel"]]
        self.__call__ = module.__call__


KERNEL = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def save(kind, path):
    """Writes one of `KINDS` and gives its path."""
    if kind == "module":
        tf.saved_model.save(Module(), path)
    elif kind == "listed":
        tf.saved_model.save(Listed(), path)
    else:
        module = Module()
        holder = tf.train.Checkpoint(inner=module)
        spec = tf.TensorSpec((None, None, None, 3), tf.float32)
        serve = tf.function(lambda images: {"logits": module._call(images)})
        tf.saved_model.save(holder, path, signatures=serve.get_concrete_function(spec))
    return path
