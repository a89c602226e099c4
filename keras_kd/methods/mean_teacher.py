"""Mean teacher: the average of a network's weights teaches it to answer alike to other views."""

import keras
from keras import ops

from keras_kd.methods.arguments import boolean, number
from keras_kd.methods.logits import LogitMethod


def kept_share(steps, decay):
    """The share of the average that a step keeps: min(1 - 1 / (steps + 1), decay)."""
    steps = ops.cast(steps, "float32")
    return ops.minimum(1.0 - 1.0 / (steps + 1.0), ops.cast(decay, "float32"))


@keras.saving.register_keras_serializable(package="keras_kd")
class MeanTeacher(LogitMethod):
    """The network learns to answer as the average of its own weights does, to another view.

    The mean over the classes of the squared difference of probabilities. After each step the
    average moves by 1 - min(1 - 1 / (steps + 1), decay); it is what is evaluated in the end, and
    leaves. It needs no label: of a batch in which some labels are -1, unknown, all images teach
    consistency, and those with a label the rest. In a stage of a config without teachers such
    images are those without a label (`data.labels_per_class`) and those of `data.unlabelled`.

    The paper's average is of the trained weights alone, and runs in training mode, with batch
    statistics of its own; here statistics are averaged as the weights are, and it runs in
    inference mode.

    Knowledge: response. Needs: nothing of the data, but another view for the average where it is to
    be (a stage gives one); labels for some images, by `label_weight`; no teacher.
    Paper: Tarvainen, Valpola 2017, arXiv 1703.01780.

    Args:
        decay: share of the average that a step keeps in the end, above 0 and below 1; 0.97 to 0.99
            in the public code, 0.999 for long runs.
        leaves: whether the average stands for the student where it is evaluated, and leaves in its
            place; False: it teaches alone.
        source: name of the average.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`. A warm-up rises as
            exp(-5 (1 - t)^2), as in the paper, t from 0 to 1. The public code has weight 100 on
            CIFAR-10, risen over 5 of 180 epochs.

    Raises:
        ValueError: an impossible decay.
    """

    scheme = "self"
    uses_unlabelled = True
    needs_whole_images = True

    def __init__(self, decay=0.99, leaves=True, source="mean_teacher", **kwargs):
        super().__init__(source=source, **kwargs)
        if not 0.0 < number(decay) < 1.0:
            raise ValueError(f"decay must be above 0 and below 1. Received: decay={decay!r}.")
        self.decay = float(decay)
        self.leaves = boolean(leaves=leaves)
        if self.leaves and self.learner != "student":
            raise ValueError(
                "The student's average alone can leave in its place. Received: learner="
                f"{self.learner!r}, leaves=True. Give leaves=False."
            )
        if self.student_taps:
            raise ValueError(
                "MeanTeacher compares logits. Received: student_taps="
                f"{list(self.student_taps)}. Leave taps out."
            )

    def averages(self):
        rule = {"follows": self.learner, "evaluated": self.leaves, "rule": kept_share}
        return {self.source: {"decay": self.decay, **rule}}

    def own_views(self):
        return (self.source,)

    def evaluated(self, networks):
        return {} if self.leaves else {self.source: networks[self.source]}

    def weight_at(self, step):
        if self.warmup_steps == 0:
            return self.weight
        super().weight_at(step)  # refuses a warm-up of unknown length
        share = ops.minimum((ops.cast(step, "float32") + 1.0) / self.warmup_steps, 1.0)
        return self.weight * ops.exp(-5.0 * ops.square(1.0 - share))

    def call(self, batch, student, teacher):
        ((own, average),) = self.logit_pairs(student, teacher)
        gap = ops.softmax(own, axis=-1) - ops.softmax(average, axis=-1)
        return ops.mean(ops.square(gap), axis=-1)

    def get_config(self):
        return {**super().get_config(), "decay": self.decay, "leaves": self.leaves}
