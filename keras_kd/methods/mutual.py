"""Deep mutual learning: networks that learn together, each from the others' answers."""

import keras

from keras_kd.methods.arguments import boolean, not_negative, positive
from keras_kd.methods.labels import Labels
from keras_kd.methods.logits import LogitMethod
from keras_kd.methods.response import softened_kl


def peers_of(method, source):
    """The names of a learner's peers, a tuple of one at least.

    Raises:
        ValueError: no peer, one twice, or the learner itself.
    """
    peers = tuple(source) if isinstance(source, list | tuple) else (source,)
    own = method.learner
    if not peers or own in peers or len(set(peers)) < len(peers):
        raise ValueError(
            f"{type(method).__name__} is of two networks at least: source must name the peers of "
            f"the {own!r}, each once. Received: source={source!r}. Give the peers to "
            "KDModel(learners={'peer': model}), in a config to the stage's learners, and write "
            "source=('peer',)."
        )
    return peers


def check_classes(method, student_shape, teacher_shape):
    """Refuses peers of other classes than the learner's."""
    for name, shapes in teacher_shape.items():
        if shapes["logits"] != student_shape["logits"]:
            raise ValueError(
                "Networks that learn from each other must have the same classes. Received: "
                f"{student_shape['logits'][-1]} classes of the {method.learner!r}, "
                f"{shapes['logits'][-1]} of the {name!r}. Build them with one num_classes."
            )


def like(method, learner, **changes):
    """A method like another one, of the same stage, for another learner."""
    config = {**method.get_config(), "learner": learner, "name": f"{learner}_{method.name}"}
    if method.warmup_steps:  # in steps already, where the other one knows its stage
        config |= {"warmup": "", "warmup_steps": method.warmup_steps}
    return type(method)(**{**config, **changes})


def label_losses(peers, weight):
    """The losses on the labels of some peers, a list of `Labels`; weight 0: none."""
    return [Labels(weight=weight, learner=peer, name=f"{peer}_labels") for peer in peers if weight]


@keras.saving.register_keras_serializable(package="keras_kd")
class MutualLearning(LogitMethod):
    """Networks that learn at the same time, each to give the probabilities of the others.

    The mean over the peers of T^2 KL(peer || learner), the peers' answers of the same step taken as
    constant. All of them step at once, as in the public code; the paper's text lets one see what
    the other gives after its step.

    Knowledge: response. Needs: peers, networks of as many classes that learn beside the student;
    labels, unless label_weight is 0.
    Paper: Zhang et al. 2018, arXiv 1706.00384.

    Args:
        source: names of the peers, one at least: further learners of the model. They follow one
            another and the student by losses that this method brings.
        temperature: T > 0; 1 in the paper.
        label_weight: factor of the labels' cross-entropy for each peer, at least 0. The student's
            own is that of `KDModel` or of the stage; the paper has 1 for both.
        mutual: whether the peers learn, too; False where this is the loss of `learner` alone.
        **kwargs: as for `LogitMethod` (`standardize`) and `Method`.

    Raises:
        ValueError: no peer, or peers with other classes.
    """

    scheme = "online"
    several_sources = True

    def __init__(self, source=("peer",), temperature=1.0, label_weight=1.0, mutual=True, **kwargs):
        super().__init__(source=source, **kwargs)
        self.source = peers_of(self, source)
        self.temperature = positive(temperature=temperature)
        self.label_weight = not_negative(label_weight=label_weight)
        self.mutual = boolean(mutual=mutual)
        if self.student_taps or self.teacher_taps:
            raise ValueError(
                "MutualLearning compares the peers' logits. Received: student_taps="
                f"{list(self.student_taps)}. Leave taps out."
            )

    @property
    def needs_labels(self):
        """Whether its peers learn from labels."""
        return self.mutual and self.label_weight > 0

    def companions(self):
        if not self.mutual:
            return []
        everyone, losses = (self.learner, *self.source), []
        for peer in self.source:
            others = tuple(name for name in everyone if name != peer)
            losses.append(like(self, learner=peer, source=others, mutual=False))
        return [*losses, *label_losses(self.source, self.label_weight)]

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        check_classes(self, student_shape, teacher_shape)
        for shapes in teacher_shape.values():
            super().build(batch_shape, student_shape, shapes)

    def call(self, batch, student, teacher):
        losses = []
        for name in self.source:
            ((own, peer),) = self.logit_pairs(student, teacher[name])
            losses.append(softened_kl(peer, own, self.temperature))
        return sum(losses) / len(losses)

    def get_config(self):
        own = {"temperature": self.temperature, "label_weight": self.label_weight}
        return {**super().get_config(), **own, "mutual": self.mutual}
