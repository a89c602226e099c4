"""ONE: branches on a shared trunk, whose gated mixture teaches each of them."""

import keras
from keras import layers, ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import integer, positive
from keras_kd.methods.base import Method
from keras_kd.methods.features import FLOAT
from keras_kd.methods.response import softened_kl
from keras_kd.models.output import two_classes
from keras_kd.models.taps import tapped


def branch_of(student, tap, name):
    """What a student makes of a tapped tensor, as a network with first weights of its own.

    Args:
        student: functional Keras model that gives logits.
        tap: name of the tensor that all that follows is made of.
        name: its name.

    Returns:
        a `keras.Model` from the tapped tensor to logits `[B, K]`.

    Raises:
        ValueError: a tap that something goes past.
    """
    whole = tapped(student, [tap])
    trunk, logits = whole.output[tap], whole.output["logits"]
    try:
        tail = keras.Model(trunk, logits)
    except ValueError as error:  # Keras's: of tensors that nobody who reads this has named
        raise ValueError(
            "All that comes after the trunk must be made of its last tensor alone. Received: "
            f"student_taps=[{tap!r}] of {student.name!r}, which something goes past. Tap the end "
            "of a section, such as 'stage2'."
        ) from error
    branch = keras.models.clone_model(tail)
    return keras.Model(branch.inputs[0], branch.outputs[0], name=name)


def gate_of(shape, count):
    """The shares of the branches, of the trunk's pooled tensor: FC, batch norm, ReLU, softmax.

    Batch norm is that of the global batch.
    """
    x = trunk = keras.Input(shape[1:], dtype=FLOAT)
    if len(shape) == 4:
        x = layers.GlobalAveragePooling2D(dtype=FLOAT)(x)
    x = layers.Dense(count, dtype=FLOAT)(x)
    x = layers.BatchNormalization(synchronized=True, momentum=0.9, epsilon=1e-5, dtype=FLOAT)(x)
    return keras.Model(trunk, layers.Softmax(dtype=FLOAT)(layers.ReLU(dtype=FLOAT)(x)), name="gate")


@keras.saving.register_keras_serializable(package="keras_kd")
class ONE(Method):
    """Branches that share the student's trunk learn from the labels and from their gated mixture.

    The student's own end is the first branch; the others are copies of it, from the tap on, with
    first weights of their own. With z_e = sum of gate times branches, the loss is CE(z_e), CE of
    each further branch (the student's is that of `label_weight`), and for each branch
    T^2 KL(z_e || branch), z_e constant there. Branches and gate are left behind; the report tells
    how often the mixture is right. A warm-up is of the last part alone and rises as
    exp(-5 (1 - t)^2), t from 0 to 1.

    Knowledge: response. Needs: labels; the end of the shared trunk as a tap; no teacher (a given
    one is not looked at).
    Paper: Lan et al. 2018, arXiv 1806.04606.

    Args:
        student_taps: name of the trunk's last tensor, one; all that follows is branched.
        branches: number of branches, the student's own included, at least 2; 3 in the paper.
        temperature: T > 0; 3 in the paper.
        **kwargs: as for `Method`. The public code warms up over 80 of 300 epochs.

    Raises:
        ValueError: other than one tap, or one that something goes past.
    """

    scheme = "online"
    needs_teacher = False
    needs_labels = True
    needs_step = True
    label_kind = CLASSES

    def __init__(self, student_taps=(), branches=3, temperature=3.0, **kwargs):
        super().__init__(student_taps=student_taps, **kwargs)
        if len(self.student_taps) != 1:
            raise ValueError(
                "ONE branches the student after one tensor. Received: "
                f"student_taps={list(self.student_taps)}. Name the end of the trunk that all share,"
                " for example ['stage2']."
            )
        self.branches = integer(2, branches=branches)
        self.temperature = positive(temperature=temperature)
        self.further = None

    def networks(self, given):
        """Looks at the student, to branch it; brings no learner."""
        (tap,) = self.student_taps
        names = [f"branch{index}" for index in range(2, self.branches + 1)]
        self.further = [branch_of(given[self.learner], tap, name) for name in names]
        return {}

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        if self.further is None:
            raise ValueError(
                "ONE makes branches of the student, so it must have seen it. Received: build() "
                "before networks(). Give the method to a KDModel."
            )
        self.gate = gate_of(student_shape[self.student_taps[0]], self.branches)
        self.built = True

    def weight_at(self, step):
        return self.weight  # a warm-up is of what the mixture teaches

    def share_at(self, step):
        """The factor of what the mixture teaches at a step, from 0."""
        if self.warmup_steps == 0:
            return 1.0
        super().weight_at(step)  # refuses a warm-up of unknown length
        share = ops.minimum((ops.cast(step, FLOAT) + 1.0) / self.warmup_steps, 1.0)
        return ops.exp(-5.0 * ops.square(1.0 - share))

    def call(self, batch, student, teacher):
        if "labels" not in batch:
            raise ValueError(
                "ONE's branches learn from labels, so it needs them in the batch. Received: batch "
                f"with {sorted(batch)}. Give data of (images, labels)."
            )
        trunk, labels = student[self.student_taps[0]], batch["labels"]
        further = [branch(trunk, training=True) for branch in self.further]
        answers = [ops.cast(two_classes(z), FLOAT) for z in (student["logits"], *further)]
        mixture = _mixed(answers, self.gate(trunk, training=True))
        hard = sum(self.label_kind.loss(labels, z) for z in (mixture, *answers[1:]))
        target = ops.stop_gradient(mixture)
        soft = sum(softened_kl(target, z, self.temperature) for z in answers)
        return hard + self.share_at(batch["step"]) * soft

    def evaluated(self, networks):
        whole = tapped(networks[self.learner], self.student_taps)
        trunk = whole.output[self.student_taps[0]]
        answers = [whole.output["logits"], *(branch(trunk) for branch in self.further)]
        answers = [ops.cast(two_classes(z), FLOAT) for z in answers]
        mixture = _mixed(answers, self.gate(ops.cast(trunk, FLOAT)))
        return {"mixture": keras.Model(whole.inputs[0], mixture, name="mixture")}

    def get_config(self):
        own = {"branches": self.branches, "temperature": self.temperature}
        return {**super().get_config(), **own}


def _mixed(answers, shares):
    """`[B, K]`: answers `[B, K]` of all branches by shares `[B, M]`."""
    return ops.einsum("bm,mbk->bk", shares, ops.stack(answers))
