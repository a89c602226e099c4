"""The student as an ONNX file: converted by tf2onnx, told by its metadata, run by onnxruntime."""

import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from keras_kd.export.card import LABELS, PREPROCESS
from keras_kd.export.conversion import ANSWERS
from keras_kd.export.layer_names import layer_of
from keras_kd.export.network import check_logits, layers_of, logits_of, student_of

OPSET = 17  # of 2022: onnxruntime from 1.12 on
IMAGE = "image"


class _Answering(keras.Model):
    """A student whose only answer has a name."""

    def __init__(self, student, output):
        super().__init__(name="answering")
        self.student, self.output_name = student, output

    def call(self, image):
        return ANSWERS[self.output_name](logits_of(self.student, image))


def converted(student, card):
    """An `onnx.ModelProto` from images `[B, H, W, C]` in [-1, 1] to answers `[B, K]`.

    Args:
        student: a Keras model.
        card: `keras_kd.export.card.Card`.

    Raises:
        ValueError: an operation that ONNX has not, or not a model of images.
    """
    import onnx

    from keras_kd.models.wrap import unquantized

    model = unquantized(student_of(student))
    check_logits(model, card.shape)
    answering = _Answering(model, card.output)
    answering(np.zeros((1, *card.shape), np.float32))  # Keras exports what was called
    signature = [keras.InputSpec(dtype="float32", shape=(None, *card.shape), name=IMAGE)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.onnx"
        try:
            answering.export(
                path, format="onnx", input_signature=signature, opset_version=OPSET, verbose=False
            )
        except Exception as error:  # tf2onnx has no narrower type
            reason = " ".join(str(error).split())[:300]
            raise _refused(f"{type(error).__name__}: {reason}") from error
        made = onnx.load(path)
    _check_operators(made, {layer.name for layer in layers_of(model)})
    _rename_output(made, card.output)
    onnx.helper.set_model_props(made, _properties(card))
    made.doc_string, made.graph.name = card.description, "student"
    return made


class OnnxRunner:
    """An ONNX file of a student behind a function from images to answers.

    Args:
        path: the file.
        threads: of onnxruntime, >= 1.

    Attributes:
        output: what it answers, "logits" or "probabilities".
    """

    def __init__(self, path, threads=1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what goes wrong is raised
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except (
            Exception
        ) as error:  # onnxruntime raises classes of its own for whatever a file holds
            raise ValueError(
                f"Expected an ONNX file. Received: path={str(path)!r} "
                f"({' '.join(str(error).split())[:300]}). Export it again."
            ) from error
        self.threads = threads
        (source,), (target,) = self._session.get_inputs(), self._session.get_outputs()
        self.image_shape = tuple(source.shape[1:])
        self._source = source.name
        self.output = target.name if target.name in ANSWERS else "logits"

    def __call__(self, images):
        """Float32 answers `[B, K]` to float32 images `[B, H, W, C]` in [-1, 1]."""
        return self._session.run(None, {self._source: np.asarray(images, np.float32)})[0]

    def timed(self, image):
        """Seconds of one call with `image` `[1, H, W, C]`."""
        start = time.perf_counter()
        self._session.run(None, {self._source: image})
        return time.perf_counter() - start


def _check_operators(made, layers):
    """Refuses operators that no version of ONNX has: tf2onnx leaves TensorFlow's as they are."""
    import onnx

    odd = {
        f"{node.op_type} in {layer_of(node.name, layers)}"
        for node in made.graph.node
        if not node.domain and not onnx.defs.has(node.op_type)
    }
    if odd:
        raise _refused(", ".join(sorted(odd)))


def _refused(what):
    return ValueError(
        f"Expected a network of operations that ONNX has. Received: {what}. "
        "Replace the operation in the student, or leave out the format onnx: a SavedModel takes "
        "any."
    )


def _rename_output(made, name):
    (answer,) = made.graph.output
    for node in made.graph.node:
        for names in (node.input, node.output):
            for place, one in enumerate(names):
                if one == answer.name:
                    names[place] = name
    answer.name = name


def _properties(card):
    """dict of str: what the files beside the others tell, and what the numbers are."""
    labels = card.files()[LABELS].decode()
    return {
        LABELS: labels,
        "labels": json.dumps(list(card.labels), ensure_ascii=False),
        PREPROCESS: json.dumps(card.preprocess()),
        "input": card.input_words,
        "output": card.output_words,
    }
