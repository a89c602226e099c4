"""Networks that another runtime runs on the processor: ONNX and TFLite files as Keras layers.

Such a layer holds no weights, and no gradient passes it: it can teach, and nothing else. Within a
graph it is a call back to the host, which no XLA program and no TPU can make.
"""

import hashlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models.tensors import image_input, layout_of, logits_output

BESIDE = ("", ".data", "_data")  # ONNX keeps the weights of large networks in a second file


class HostModule(keras.layers.Layer):
    """A file that another runtime runs: images `[B, H, W, C]`, as it expects them, to logits.

    A subclass opens the file and runs it. A saved model stores the file's path, which must lead
    to it again when the model is loaded.

    Args:
        handle: path of the file.
        channels: of the images.
        layout: "nhwc" or "nchw"; empty: found out.
        output: name of the output with the logits; empty: found out.
        num_classes: number of logits; None: any.
        digest: of the file's content; a file of another one is refused. Empty: not compared.

    Attributes:
        image_shape: (height, width, channels); None for sizes that the file leaves open.
        value_range: values that the input's whole numbers stand for, see `tensors.Tensor`; None of
            floats.
        step: what lies between two values of the output where it is of whole numbers; 0 of floats.
        shown: what stands behind the logits, such as "softmax" or "linear"; empty where the file
            does not show it.

    Raises:
        ValueError: the file is no such network, or one of other inputs or outputs.
        ImportError: the runtime is not installed.
    """

    def __init__(
        self, handle, channels=3, layout="", output="", num_classes=None, digest="", **kwargs
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**{**kwargs, "trainable": False})
        self.handle = str(handle)
        self.digest = digest_of(self.handle)
        if digest not in ("", self.digest):
            raise ValueError(
                "the file of a saved network must be the one that it was made of. Received: "
                f"handle={self.handle!r}, which has changed since. Load the teacher anew."
            )
        inputs, outputs = self._open()
        label = repr(self.handle)
        self._source = image_input(inputs, label)
        self._target, self._units = logits_output(outputs, num_classes, output, label)
        self.channels = channels
        self.layout = layout_of(self._source, channels, layout, label)
        batch, *sides = self._source.shape
        sides = sides[1:] if self.layout == "nchw" else sides[:2]
        self._batch = batch  # None: of any size
        self.image_shape = (*sides, channels)
        self.value_range = self._source.value_range
        self.step = 0.0 if self._target.value_range is None else self._target.scale
        self.shown = self._shown()
        self.built = True

    def _open(self):
        """Opens the file: (inputs, outputs), lists of `tensors.Tensor`."""
        raise NotImplementedError

    def _shown(self):
        """What the file itself tells, see `shown`."""
        return ""

    def _run(self, values):
        """What the output gives for values of the input's type, in the file's own layout."""
        raise NotImplementedError

    def answer(self, images):
        """Logits of images, in NumPy.

        Args:
            images: float32 `[B, H, W, C]`, values as the file expects them.

        Returns:
            float32 `[B, K]`.
        """
        images = np.asarray(images, np.float32)
        if self.layout == "nchw":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        size = self._batch or max(1, len(images))
        parts = [
            self._answer_of(images[start : start + size], size)
            for start in range(0, len(images), size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self._units), np.float32)

    def _answer_of(self, images, size):
        count = len(images)
        # Of a file for batches of one size the last one is filled up.
        filled = np.concatenate([images, np.repeat(images[-1:], size - count, axis=0)])
        outputs = self._target.decode(self._run(self._source.encode(filled)))
        return outputs.reshape(size, self._units)[:count]

    def call(self, images, training=False):
        @tf.custom_gradient
        def run(values):
            outputs = tf.numpy_function(self.answer, [values], tf.float32, stateful=False)
            # So that a size which is known outside of a function is known of its outputs, too.
            return tf.reshape(outputs, [tf.shape(values)[0], self._units]), self._no_gradient

        return run(tf.cast(images, tf.float32))

    def _no_gradient(self, *_):
        raise ValueError(
            "no gradient passes a network that another runtime runs. Received: "
            f"handle={self.handle!r} in a phase that needs them. Take a teacher that Keras "
            "runs, or a method without such a phase."
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._units)

    def get_config(self):
        return {
            **super().get_config(),
            "handle": self.handle,
            "channels": self.channels,
            "layout": self.layout,
            "output": self._target.name,
            "digest": self.digest,
        }


def digest_of(path):
    """A hash of the content of a network's file, and of its weights where they lie beside it.

    Raises:
        ValueError: it is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"the network's file must be there. Received: handle={str(path)!r}, which is not. "
            "Check the path."
        )
    digest = hashlib.sha256()
    for suffix in BESIDE:
        one = path.with_name(path.name + suffix)
        if one.is_file():
            with one.open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
    return digest.hexdigest()[:16]
