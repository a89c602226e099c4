"""TFLite interpreters of one network, each for batches of one shape."""

import contextlib
import threading

from keras_kd.utils import processors


class Interpreters:
    """Keeps the interpreters that were used last; one caller at a time runs one.

    Args:
        content: bytes of a TFLite file.
    """

    KEPT = 3  # batches of training, of evaluation, and its last one

    def __init__(self, content):
        self._content = content
        self._opened = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def of(self, shape=None):
        """An interpreter whose tensors have the sizes that an input of this shape needs.

        Args:
            shape: tuple; None for the file's own.

        Raises:
            ValueError, RuntimeError: whatever the runtime says of a file that it cannot run, or
                that knows no other shape.
        """
        with self._lock:
            found = self._opened.pop(shape, None) or self._open(shape)
            self._opened[shape] = found  # the last used stands last
            while len(self._opened) > self.KEPT:
                del self._opened[next(iter(self._opened))]
            yield found

    def _open(self, shape):
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self._content, num_threads=processors.usable())
        if shape is not None:
            first = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(first["index"], shape)
        interpreter.allocate_tensors()
        return interpreter
