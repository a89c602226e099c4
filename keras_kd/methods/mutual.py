"""Deep mutual learning: networks that learn together, each from the others' answers."""

import keras

from keras_kd.methods.arguments import positive
from keras_kd.methods.peers import PeerMethod
from keras_kd.methods.response import softened_kl


@keras.saving.register_keras_serializable(package="keras_kd")
class MutualLearning(PeerMethod):
    """Networks that learn at the same time, each to give the probabilities of the others.

    The mean over the peers of T^2 KL(peer || learner), the peers' answers of the same step taken as
    constant. All of them step at once, as in the public code; the paper's text lets one see what
    the other gives after its step.

    Knowledge: response. Needs: peers, networks of as many classes that learn beside the student;
    labels, unless label_weight is 0.
    Paper: Zhang et al. 2018, arXiv 1706.00384.

    Args:
        source: names of the peers, one at least: further learners of the model.
        temperature: T > 0; 1 in the paper.
        **kwargs: as for `PeerMethod` (`label_weight`, `mutual`), `LogitMethod` (`standardize`) and
            `Method`. The paper weighs labels with 1, for the student and for its peers.

    Raises:
        ValueError: no peer, or peers with other classes.
    """

    def __init__(self, source=("peer",), temperature=1.0, **kwargs):
        super().__init__(source=source, **kwargs)
        self.temperature = positive(temperature=temperature)

    def call(self, batch, student, teacher):
        losses = []
        for name in self.source:
            ((own, peer),) = self.logit_pairs(student, teacher[name])
            losses.append(softened_kl(peer, own, self.temperature))
        return sum(losses) / len(losses)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
