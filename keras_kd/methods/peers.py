"""What the methods share whose networks learn together: peers, their losses, their classes."""

from keras_kd.methods.arguments import boolean, not_negative
from keras_kd.methods.labels import Labels
from keras_kd.methods.logits import LogitMethod


class PeerMethod(LogitMethod):
    """Base of the methods of networks that learn at the same time, each from the others.

    Args:
        source: names of the peers, one at least: further learners of the model. They learn by
            methods like this one, and from labels, which it brings.
        label_weight: factor of the labels' cross-entropy for each peer, at least 0. The student's
            own is that of `KDModel` or of the stage.
        mutual: whether the peers learn, too; False where this is the loss of `learner` alone.
        **kwargs: as for `LogitMethod`.

    Raises:
        ValueError: no peer, peers with other classes, or taps.
    """

    scheme = "online"
    several_sources = True

    def __init__(self, source=("peer",), label_weight=1.0, mutual=True, **kwargs):
        super().__init__(source=source, **kwargs)
        self.source = _peers(self, source)
        self.label_weight = not_negative(label_weight=label_weight)
        self.mutual = boolean(mutual=mutual)
        if self.student_taps or self.teacher_taps:
            raise ValueError(
                f"{type(self).__name__} compares the networks' logits. Received: student_taps="
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
            losses.append(_like(self, learner=peer, source=others, mutual=False))
        weight = self.label_weight
        taught = self.source if weight else ()
        return losses + [Labels(weight=weight, learner=n, name=f"{n}_labels") for n in taught]

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for name, shapes in teacher_shape.items():
            if shapes["logits"] != student_shape["logits"]:
                raise ValueError(
                    "Networks that learn from each other must have the same classes. Received: "
                    f"{student_shape['logits'][-1]} classes of the {self.learner!r}, "
                    f"{shapes['logits'][-1]} of the {name!r}. Build them with one num_classes."
                )
        for shapes in teacher_shape.values():
            super().build(batch_shape, student_shape, shapes)

    def get_config(self):
        own = {"label_weight": self.label_weight, "mutual": self.mutual}
        return {**super().get_config(), **own}


def _peers(method, source):
    """The names of a learner's peers, a tuple of one at least."""
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


def _like(method, learner, **changes):
    """A method like another one, of the same stage, for another learner."""
    config = {**method.get_config(), "learner": learner, "name": f"{learner}_{method.name}"}
    if method.warmup_steps:  # in steps already, where the other one knows its stage
        config |= {"warmup": "", "warmup_steps": method.warmup_steps}
    return type(method)(**{**config, **changes})
