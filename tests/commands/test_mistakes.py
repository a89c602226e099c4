"""What is a user's mistake and what a bug, by the kind of error and by who raised it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd import models
from keras_kd.commands import mistakes
from keras_kd.distribution.strategies import ChiefStopped
from keras_kd.teachers.fixed.average import Average
from keras_kd.training.saving import TrainingDiverged


def caught(action):
    with pytest.raises(Exception) as raised:
        action()
    return raised.value


def fail(error):
    def action():
        raise error

    return action


OPS = tf.errors
MISTAKES = {
    "refused": (lambda: models.check("resnett", {}), "Did you mean 'resnet'"),
    "file": (Path("/nowhere/at/all").read_text, "No such file or directory: '/nowhere/at/all'"),
    "network": (fail(ConnectionError("nobody answers")), "nobody answers"),
    "diverged": (fail(TrainingDiverged("loss is nan")), "loss is nan"),
    "chief": (fail(ChiefStopped("see the chief's message")), "see the chief's message"),
    "memory": (fail(MemoryError()), "not enough memory"),
    "device": (fail(OPS.ResourceExhaustedError(None, None, "OOM when allocating")),
               "not enough memory on the device (OOM when allocating). Take a smaller batch"),
    "gone": (lambda: tf.io.read_file("/nowhere.jpg"), "/nowhere.jpg; No such file"),
    "damaged": (lambda: list(tf.data.Dataset.from_tensors(b"\xff\xd8\xff").map(tf.io.decode_jpeg)),
                "An image could not be decoded"),
}  # fmt: skip
BUGS = {
    "key": lambda: {}["teacher"],
    "attribute": lambda: None.logits,
    "type": lambda: len(3),
    "name": fail(NameError("x")),
    "index": lambda: [][0],
    "runtime": fail(RuntimeError("nobody foresaw this")),
    "NumPy's value": lambda: np.zeros(3) + np.zeros(4),
    "Keras's value": lambda: models.build("resnet", 3, (8, 8, 3)).layers[2](tf.zeros([1])),
    "Python's value": lambda: json.loads("{"),
    "graph": lambda: tf.function(lambda x: tf.reshape(x, [2, 2]))(tf.zeros([3])),
    "kernel": fail(OPS.NotFoundError(None, None, "No registered 'Foo' OpKernel for CPU devices")),
    "state": fail(OPS.FailedPreconditionError(None, None, "Could not find variable")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence(name):
    action, text = MISTAKES[name]
    sentence = mistakes.sentence(caught(action))
    assert text in sentence and "\n" not in sentence


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_none(name):
    assert mistakes.sentence(caught(BUGS[name])) is None


def test_a_faulty_call_in_the_package_is_a_bug_though_its_error_is_a_value_error():
    """The innermost line of Python is ours, but it is no `raise`."""
    average = Average(4, crops=2)
    average.add(np.ones([1, 3], np.float32))
    error = caught(lambda: average.add(np.ones([1, 4], np.float32)))
    assert isinstance(error, ValueError) and "could not be broadcast" in str(error)
    assert mistakes.sentence(error) is None


def test_a_report_names_versions():
    text = mistakes.bug_report(KeyError("teacher"))
    assert text.startswith("this is a bug of keras-kd (KeyError), not a mistake of yours.")
    assert f"keras-kd {keras_kd.__version__}, Python 3." in text
    assert re.search(rf"tensorflow {re.escape(tf.__version__)}, keras \d+\.\d+", text)
