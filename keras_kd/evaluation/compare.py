"""One pass over data that compares a student with its teacher, and each with the labels."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_kd.data.batch import view
from keras_kd.evaluation.accuracy import label_classes
from keras_kd.evaluation.fidelity import agreement, kl_divergence, l2_distance
from keras_kd.evaluation.scores import ModelScores
from keras_kd.models.hub import as_graph
from keras_kd.models.output import logits_of
from keras_kd.teachers.ensemble import Ensemble

TOP = 5


def fidelity(student, teacher, dataset, answers=None):
    """Compares a student with its teacher on a data set, in one pass.

    Sums are float64 and counts whole numbers: how the data are batched does not matter.

    Args:
        student: Keras model from images to logits `[B, K]`, or a `tf.function` of one; one logit is
            two classes, [0, z], here and below.
        teacher: Keras model from images to logits `[B, K]`; of a `keras_kd.teachers.Ensemble`
            each member is compared as well.
        dataset: iterable of `x` or `(x, y)`; `x` a tensor of images or a dict with `student`,
            `teacher` or `image` for both; `y` int `[B]` or class probabilities `[B, K]`.
        answers: what `teacher_answers(teacher, dataset)` returned, so that several students cost
            one pass of the teacher; None: the teacher runs now.

    Returns:
        dict, of floats where nothing else is said:
        - `kl`: mean KL(teacher || student) in nats; `l2`: mean `l2_distance` of the logits;
        - `agreement`: share of equal answers; `agreement_top5`: share of examples whose teacher's
          class is among the student's five largest logits; not for K <= 5, where it is always 1;
        - with labels: `student_accuracy` and `teacher_accuracy`, shares; `student_ece` and
          `teacher_ece`, the `expected_calibration_error` with 15 bins; `student_per_class` and
          `teacher_per_class`, lists of K accuracies, None for a class without examples;
        - of an ensemble: `members`, dict by name of the same for each member, without what is the
          student's alone. Of members that share a name each is called `teacher1/NAME` and so on.

    Raises:
        ValueError: no data, models of different classes, logits that are not finite, labels that
            are no classes of the models, or answers on other data.
    """
    answer, ask = _graph(student), _asked(teacher)
    own, taught = None, []
    batches = 0
    for x, y in _examples(dataset):
        logits = _checked("student", answer(view(x, "student")))
        told = ask(view(x, "teacher")) if answers is None else _remembered(answers, batches)
        if own is None:
            own = ModelScores(logits.shape[-1])
            taught = [_Following(logits.shape[-1]) for _ in told]
        classes = None if y is None else _classes(y, logits)
        if y is not None:
            own.update(classes, logits)
        for following, theirs in zip(taught, told):
            following.update(classes, _checked("teacher", theirs, logits.shape), logits)
        batches += 1
    if own is None:
        raise ValueError("fidelity needs data. Received: a data set with no batches.")
    if answers is not None and len(answers) != batches:
        raise _other_data(answers)
    whole, *members = (following.result() for following in taught)
    found = {**whole, **own.result("student")}
    return found | ({"members": dict(zip(_members(teacher), members))} if members else {})


def teacher_answers(teacher, dataset):
    """A teacher's logits on a data set, for `fidelity` of several students.

    Args:
        teacher: as for `fidelity`.
        dataset: as for `fidelity`; it must yield the same batches each time.

    Returns:
        list, an entry a batch, of lists of float32 `[B, K]`: the teacher's, then each member's.
    """
    ask = _asked(teacher)
    return [ask(view(x, "teacher")) for x, _ in _examples(dataset)]


class _Following:
    """How the student follows one teacher, and that teacher's own scores."""

    def __init__(self, num_classes):
        self.measures = {"kl": kl_divergence, "l2": l2_distance, "agreement": agreement}
        if num_classes > TOP:
            self.measures["agreement_top5"] = lambda t, s: agreement(t, s, TOP)
        self.sums = dict.fromkeys(self.measures, 0.0)
        self.count = 0
        self.scores = ModelScores(num_classes)

    def update(self, classes, teacher, student):
        for name, measure in self.measures.items():
            values = ops.convert_to_numpy(measure(teacher, student))
            self.sums[name] += float(values.sum(dtype=np.float64))
        self.count += len(student)
        if classes is not None:
            self.scores.update(classes, teacher)

    def result(self):
        means = {name: total / self.count for name, total in self.sums.items()}
        return means | self.scores.result("teacher")


def _examples(dataset):
    """(x, y) of each batch; y may be None."""
    for batch in dataset:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        yield x, y


def _classes(labels, logits):
    return ops.convert_to_numpy(label_classes(labels, logits.shape[-1]))


def _members(teacher):
    """An ensemble's members by name; of any other teacher none."""
    return teacher.members() if isinstance(teacher, Ensemble) else {}


def _asked(teacher):
    """Function from images to a list of logits: the teacher's, then those of each member."""
    members = list(_members(teacher).values())

    def ask(images):
        if not members:
            return [logits_of(teacher(images, training=False))]
        # The ensemble is made of what its members say: none of them runs twice.
        each = [logits_of(member(images, training=False)) for member in members]
        return [teacher.combine(each), *each]

    return _as_arrays(ask)


def _graph(model):
    """Function from images to a model's logits."""

    def one(images):
        return [logits_of(model(images, training=False))]

    # A `tf.function`, as of one student at many steps, would only be traced again.
    traced = isinstance(model, tf.types.experimental.PolymorphicFunction)
    run = _numpy(one) if traced else _as_arrays(one)
    return lambda images: run(images)[0]


def _as_arrays(function):
    """`function` of images to a list of tensors, run as a graph, with float32 arrays."""
    return _numpy(as_graph(function))


def _numpy(function):
    return lambda images: [
        ops.convert_to_numpy(ops.cast(value, "float32")) for value in function(images)
    ]


def _checked(role, logits, shape=None):
    """The logits, if they are finite and of the student's shape."""
    if logits.ndim != 2 or shape not in (None, logits.shape):
        raise ValueError(
            "Student and teacher must give logits [B, K] of the same classes for the same images. "
            f"Received: {role} {logits.shape}" + (f", student {shape}." if shape else ".")
        )
    if not np.isfinite(logits).all():
        raise ValueError(
            f"Logits must be finite. Received: {int((~np.isfinite(logits)).sum())} values of the "
            f"{role} that are not. Its weights may be damaged."
        )
    return logits


def _remembered(answers, number):
    if number >= len(answers):
        raise _other_data(answers)
    return answers[number]


def _other_data(answers):
    return ValueError(
        "answers must be those on the same batches. Received: "
        f"answers on {len(answers)} batches, and another number of batches."
    )
