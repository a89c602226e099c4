"""AFD: networks that learn together, each to make features that pass for the other's."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative, positive
from keras_kd.methods.critics import CRITIC, CriticLoss, VectorMethod, critic
from keras_kd.methods.mutual import MutualLearning
from keras_kd.methods.phases import MAIN, Phase


def least_squares(answers, goal):
    """Half the squared distance of a critic's answers from a goal, summed over the taps.

    Args:
        answers: float32 `[B, taps, 1]`.
        goal: 1 for what it should take for the other's, 0 for its own network's.

    Returns:
        float32 `[B]`.
    """
    return 0.5 * ops.sum(ops.square(answers - goal), axis=(1, 2))


def critic_of(name):
    """The name of a network's critic."""
    return f"{name}_{CRITIC}"


class _Fool(CriticLoss):
    """The peer's features pass for the student's before the peer's critic."""

    def call(self, batch, student, teacher):
        return least_squares(teacher(self.of().vectors(student, self.learner)), 1.0)


class _Judge(CriticLoss):
    """A network's critic tells the other's features from its own, its first source's."""

    phase = CRITIC
    several_sources = True

    def call(self, batch, student, teacher):
        own, other = self.sources
        loss = least_squares(student(self.of().vectors(teacher[own], own)), 0.0)
        return loss + least_squares(student(self.of().vectors(teacher[other], other)), 1.0)


@keras.saving.register_keras_serializable(package="keras_kd")
class AFD(VectorMethod):
    """Networks that learn together; each has a critic, and fools it with its own features.

    The critic of a network learns to give 0 for its features and 1 for the other's, and the network
    to get a 1: least squares, as in the paper. More than two stand in a ring, as there: each makes
    features that pass for those of the next one, the last for the learner's. Features are pooled to
    vectors of one length, in place of the paper's layer that changes channels; all losses of a
    network have one optimizer, where the paper gives features one of their own. It brings
    `MutualLearning`, since the networks match logits, too, each with all others.

    Knowledge: feature. Needs: peers that learn beside the student, taps on all that are maps, in
    the paper the last, and labels, unless label_weight is 0.
    Paper: Chung et al. 2020, arXiv 2002.01775.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the layers of each peer, as many.
        peer: name of the network that learns beside, or names of several, in the ring's order.
        temperature: of the mutual learning; 3 in the paper.
        label_weight: factor of the labels' cross-entropy for the peers, at least 0.
        **kwargs: as for `VectorMethod` (`size`) and `Method`, but for `source`.

    Raises:
        ValueError: no peer, one twice, or the learner among them.
    """

    scheme = "online"

    def __init__(self, peer="peer", temperature=3.0, label_weight=1.0, **kwargs):
        learner = kwargs.get("learner", "student")
        super().__init__(**{**kwargs, "source": critic_of(learner)})
        self.peer = peer
        self.ring = (learner, *([peer] if isinstance(peer, str) else peer))
        if len(self.ring) < 2 or len(set(self.ring)) < len(self.ring):
            raise ValueError(
                f"peer must name the networks that learn beside the {learner!r}, each once. "
                f"Received: peer={peer!r}. Write peer='peer', or peer=('peer', 'other')."
            )
        self.temperature = positive(temperature=temperature)
        self.label_weight = not_negative(label_weight=label_weight)

    @property
    def needs_labels(self):
        """Whether the peers learn from labels."""
        return self.label_weight > 0

    @property
    def taps(self):
        peers = dict.fromkeys(self.ring[1:], self.teacher_taps)
        return {self.learner: self.student_taps, **peers}

    def taps_of_source(self, name):
        return ()  # the critic's, which is its source

    def networks(self, given):
        sizes = self.set_sizes(given)
        return {critic_of(name): critic(sizes) for name in self.taps}

    def phases(self):
        return [Phase(MAIN, inside=tuple(map(critic_of, self.taps))), Phase(CRITIC)]

    def companions(self):
        alike = {"weight": self.weight, "warmup_steps": self.warmup_steps or 0}
        logits = MutualLearning(
            source=self.ring[1:],
            learner=self.learner,
            temperature=self.temperature,
            label_weight=self.label_weight,
        )
        return [
            logits,
            *(
                _Fool(self, learner=peer, source=critic_of(peer), name=f"{peer}_fools", **alike)
                for peer in self.ring[1:]
            ),
            *(
                _Judge(
                    self, learner=critic_of(own), source=(own, other), name=f"{own}_{CRITIC}_judges"
                )
                for own, other in zip(self.ring, (*self.ring[1:], self.learner))
            ),
        ]

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        if teacher_shape:  # of its critic there are none, and the networks' were looked at before
            super().build(batch_shape, student_shape, teacher_shape)
        self.built = True

    def call(self, batch, student, teacher):
        return least_squares(teacher(self.vectors(student, self.learner)), 1.0)

    def get_config(self):
        config = super().get_config()
        config.pop("source")
        own = {"temperature": self.temperature, "label_weight": self.label_weight}
        return {**config, **own, "peer": self.peer}
