"""DAFL: a generator whose images the teacher is sure of, class by class, and awake at."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative
from keras_kd.methods.features import flat
from keras_kd.methods.generated import GeneratorMethod, one_hotness, whole_batch


def class_balance(logits):
    """How far a batch is from holding all classes alike: the negative entropy of its mean answer.

    Args:
        logits: float32 `[B, K]`.

    Returns:
        float32 scalar in [-log10 K, 0], to base 10 as in the public code.
    """
    log_p = ops.logsumexp(ops.log_softmax(logits, axis=-1), axis=0)
    log_p = log_p - ops.log(ops.cast(ops.shape(logits)[0], "float32"))
    return ops.sum(ops.exp(log_p) * log_p) / ops.log(10.0)


@keras.saving.register_keras_serializable(package="keras_kd")
class DAFL(GeneratorMethod):
    """A generator learns to make images that a teacher takes for training images of all classes.

    One-hotness of the teacher's answer, plus the balance of the classes in the batch, less the mean
    size of the features before the classifier. The student learns from the same images.

    The balance exists only within a batch: under several replicas it is that of the *replica's own*
    part, so two replicas do not equal one.

    Knowledge: response. Needs: a teacher that is a Keras model, and a method by which the
    student follows it, such as `SoftTargets`; no image, no label.
    Paper: Chen et al. 2019, arXiv 1904.01186.

    Args:
        one_hot: factor of the one-hotness; 1 on MNIST in the public code, 0.05 on CIFAR-10.
        balance: factor of the balance; 5 there, on both.
        activation: factor of the features' size; 0.1 on MNIST, 0.01 on CIFAR-10. 0: no features.
        features: the teacher's layer before its classifier.
        **kwargs: as for `GeneratorMethod` (`noise`, `width`, `steps`) and `Method`.
    """

    scheme = "data-free"

    def __init__(self, one_hot=1.0, balance=5.0, activation=0.1, features="pre_logits", **kwargs):
        super().__init__(**kwargs)
        self.one_hot, self.balance, self.activation = not_negative(
            one_hot=one_hot, balance=balance, activation=activation
        )
        self.features = features
        self.teacher_taps = (features,) if self.activation else ()

    def call(self, batch, student, teacher):
        logits = teacher["logits"]
        loss = self.one_hot * one_hotness(logits)
        loss += self.balance * whole_batch(class_balance(logits), logits)
        if self.activation:
            loss -= self.activation * ops.mean(ops.abs(flat(teacher[self.features])), axis=1)
        return loss

    def get_config(self):
        own = {"one_hot": self.one_hot, "balance": self.balance, "activation": self.activation}
        return {**super().get_config(), **own, "features": self.features}
