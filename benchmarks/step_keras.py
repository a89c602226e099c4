"""Keras peers of benchmarks/step.py: keras-kd itself, keras.distillation, a notebook's train_step.

Run by the benchmark: python step_keras.py PEER CASE
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from step_cases import CASES, CLASSES, CLIP, LEARNING_RATE, WEIGHT_DECAY
from step_worker import serve

from keras_kd import KDModel, methods, models, optimizers, teachers
from keras_kd.models.flops import flops

BUILDERS = {
    "bit": models.bit_resnet,
    "resnet50": models.resnet50,
    "mobilenet_v3_small": models.mobilenet_v3_small,
    "efficientnet_lite0": models.efficientnet_lite,
}


def network(spec, side):
    """The network of a case, randomly initialised."""
    kind, settings = spec
    if kind in ("mobilenet_v3_small", "efficientnet_lite0"):
        settings = {**settings, "dropout": 0.0}
    return BUILDERS[kind](num_classes=CLASSES, input_shape=(side, side, 3), **settings)


def pair(case):
    """(student, teacher) of a case."""
    side, pool = case["side"], case.get("pool", 1)
    student, teacher = network(case["student"], side // pool), network(case["teacher"], side)
    if pool > 1:
        images = keras.Input((side, side, 3))
        student = keras.Model(images, student(keras.layers.AveragePooling2D(pool)(images)))
    # Heads that start at zero would teach nothing.
    head = teacher.layers[-1]
    head.kernel.assign(keras.random.normal(head.kernel.shape, stddev=0.01))
    return student, teacher


class Notebook(keras.Model):
    """A plain `train_step`, as public function-matching notebooks write it."""

    def __init__(self, student, teacher, temperature=1.0):
        super().__init__()
        self.student, self.teacher, self.temperature = student, teacher, temperature
        self.tracker = keras.metrics.Mean(name="distillation_loss")

    def train_step(self, data):
        images, _ = data
        targets = tf.nn.softmax(self.teacher(images, training=False) / self.temperature)
        with tf.GradientTape() as tape:
            logits = self.student(images, training=True)
            divergence = keras.losses.KLDivergence()
            loss = divergence(targets, tf.nn.softmax(logits / self.temperature))
        variables = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        self.tracker.update_state(loss)
        return {"distillation_loss": self.tracker.result()}


def build(peer, case):
    """(step, facts) of a peer, see step_worker."""
    case = CASES[case]
    keras.utils.set_random_seed(0)
    student, teacher = pair(case)
    facts = {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "parameters": [student.count_params(), teacher.count_params()],
        "flops": [flops(student), flops(teacher)],
        "optimizer": "AdamW, global norm clipped to 1",
    }
    rng = np.random.default_rng(0)
    images = tf.constant(
        rng.uniform(-1, 1, (case["batch"], case["side"], case["side"], 3)), "float32"
    )
    labels = tf.constant(rng.integers(0, CLASSES, case["batch"]))
    if peer == "teacher":
        return teacher_pass(teacher, images, facts), facts
    xla = peer.endswith("_xla")
    if peer.startswith("distiller"):
        model = distiller(student, teacher, xla)
    elif peer == "notebook":
        model = Notebook(student, teacher)
        # keras.optimizers.AdamW, as the notebooks would take it today.
        model.compile(keras_adamw())
        facts["optimizer"] = "keras.optimizers.AdamW, global norm clipped to 1"
    else:
        model, images = ours(peer, student, teacher, images, xla, facts)
    model.make_train_function()
    batch = (images, labels)
    # float() waits for the loss: steps are over when they are said to be.
    return lambda: [float(v) for v in model.train_function(iter([batch])).values()], facts


def keras_adamw():
    return keras.optimizers.AdamW(LEARNING_RATE, WEIGHT_DECAY, global_clipnorm=CLIP)


def distiller(student, teacher, xla):
    model = keras.distillation.Distiller(
        teacher,
        student,
        # The default's string loss skips softmax and temperature; an object does not.
        keras.distillation.LogitsDistillation(temperature=1.0, loss=keras.losses.KLDivergence()),
        student_loss_weight=0.0,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras_adamw(), loss, jit_compile=True if xla else "auto")
    return model


def ours(peer, student, teacher, images, xla, facts):
    """keras-kd's step: live, with cached targets, or the student on labels alone."""
    optimizer = optimizers.AdamW(LEARNING_RATE, WEIGHT_DECAY, global_clipnorm=CLIP)
    if peer == "student":
        model = KDModel(student, None, None, label_weight=1.0)
    elif peer.startswith("cached"):
        targets = teacher(images, training=False)
        model = KDModel(student, None, methods.SoftTargets())
        images = {"student": images, "teacher_logits": targets}
    else:
        model = KDModel(student, frozen(teacher, len(images), facts), methods.SoftTargets())
    model.compile(optimizer, jit_compile=xla)
    return model, images


def frozen(teacher, batch, facts):
    """The teacher as a run would use it."""
    result = teachers.freeze(teacher, batch_size=batch)
    facts["teacher"] = result.facts
    return result


def teacher_pass(teacher, images, facts):
    teacher = frozen(teacher, len(images), facts)
    run = tf.function(lambda x: teacher(x, training=False))
    return lambda: run(images).numpy()


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["STEP_THREADS"]))
    serve(lambda: build(*sys.argv[1:]))
