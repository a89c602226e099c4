"""Three small schemes on the same core: peers, a critic, a generator."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_kd import KDModel
from keras_kd.data.assembly import options
from keras_kd.methods import Method, SoftTargets
from keras_kd.methods.phases import MAIN, Phase

CLASSES, WIDTH, NOISE = 3, 4, 2


class Fool(Method):
    """The student's logits pass for the teacher's before a critic, which it brings."""

    def __init__(self, critic=None, **kwargs):
        super().__init__(source="critic", **kwargs)
        self._critic = lambda: critic or linear(CLASSES, 1, seed=4, bias=True)

    def networks(self, given):
        return {"critic": self._critic()}

    def companions(self):
        return [Judge(learner="critic", source=("student", "teacher"))]

    def phases(self):
        return [Phase(MAIN, inside=("critic",)), Phase("critic", learners=("critic",))]

    def call(self, batch, student, teacher):
        return ops.softplus(-teacher(student["logits"])[:, 0])


class Judge(Method):
    """The critic tells the teacher's logits from the student's."""

    phase = "critic"
    several_sources = True

    def call(self, batch, student, teacher):
        real, fake = (student(teacher[name]["logits"])[:, 0] for name in ("teacher", "student"))
        return ops.softplus(-real) + ops.softplus(fake)


class Gap(Method):
    """Half the squared distance of the logits."""

    def call(self, batch, student, teacher):
        return 0.5 * ops.sum(ops.square(student["logits"] - teacher["logits"]), axis=1)


class Seek(Method):
    """A generator, which it brings, seeks images on which student and teacher differ."""

    phase = "generator"
    several_sources = True

    def __init__(self, generator=None, **kwargs):
        super().__init__(learner="generator", source=("student", "teacher"), **kwargs)
        self._generator = lambda: generator or linear(NOISE, WIDTH, seed=5)

    def networks(self, given):
        return {"generator": self._generator()}

    def phases(self):
        both = ("student", "teacher")
        return [
            Phase("generator", inside=both, images="generator"),
            Phase(MAIN, images="generator"),
        ]

    def call(self, batch, student, teacher):
        gap = teacher["student"]["logits"] - teacher["teacher"]["logits"]
        return -0.5 * ops.sum(ops.square(gap), axis=1)


def linear(inputs, outputs, seed, bias=False):
    keras.utils.set_random_seed(seed)
    images = keras.Input((inputs,))
    return keras.Model(images, keras.layers.Dense(outputs, use_bias=bias)(images))


def deep(seed, inputs=WIDTH, outputs=CLASSES, dropout=0.0):
    """Two layers with batch norm, layers with automatic names."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((inputs,))
    x = keras.layers.Dense(5)(images)
    # Replicas agree on what a batch is: unsynchronised, two could not equal one.
    x = keras.layers.BatchNormalization(momentum=0.9, synchronized=True)(x)
    x = keras.layers.Dropout(dropout)(keras.layers.Activation("tanh")(x))
    return keras.Model(images, keras.layers.Dense(outputs, dtype="float32")(x))


def mutual(make=deep, **changes):
    """A teacher, and two peers that learn from it, from each other, and from labels."""
    methods = [
        SoftTargets(temperature=2.0),
        SoftTargets(learner="peer", source="student", name="back"),
        SoftTargets(source="peer", name="forth", warmup_steps=3),
    ]
    arguments = {"learners": {"peer": make(3)}, "label_weight": 1.0, "seed": 1, **changes}
    return KDModel(make(1), make(2), methods, **arguments)


def adversarial(make=deep, **changes):
    """A student between a teacher and a critic."""
    critic = make(4, inputs=CLASSES, outputs=1)
    return KDModel(make(1), make(2), [Gap(), Fool(critic)], seed=1, **changes)


def data_free(make=deep, **changes):
    """A student that never sees the data, but what a generator makes of noise."""
    generator = make(5, inputs=NOISE, outputs=WIDTH)
    return KDModel(make(1), make(2), [Seek(generator), Gap()], seed=1, **changes)


SCHEMES = {"mutual": mutual, "adversarial": adversarial, "data-free": data_free}


def batch(step, size=8):
    """The images and labels of a step."""
    x = tf.random.stateless_normal([size, WIDTH], [7, step])
    return x, tf.cast(tf.argmax(x[:, :CLASSES], axis=1), tf.int32)


def data(first, last, sizes=None):
    """A data set of the steps [first, last), of eight examples or of the given sizes."""
    if sizes is None:
        return tf.data.Dataset.range(first, last).map(batch).with_options(options())

    def arrays():
        for step in range(first, last):
            x, y = batch(step, sizes[step])
            yield x.numpy(), y.numpy()

    spec = (tf.TensorSpec((None, WIDTH)), tf.TensorSpec((None,), tf.int32))
    return tf.data.Dataset.from_generator(arrays, output_signature=spec).with_options(options())


def values(kd, start=""):
    """The model's state as NumPy arrays by name."""
    return {n: np.array(v.numpy()) for n, v in kd.state().items() if n.startswith(start)}
