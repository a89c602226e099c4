"""DeepInversion's loss for a generator: images whose statistics are those of the training data."""

import keras
from keras import ops

from keras_kd.methods.arguments import not_negative
from keras_kd.methods.generated import GeneratorMethod, one_hotness, whole_batch
from keras_kd.models.taps import inputs_of

_SMALLEST = 1e-12  # under square roots, whose slope at 0 has no bound


def length(x):
    """Euclidean length of all of a tensor, a scalar with a slope everywhere."""
    return ops.sqrt(ops.maximum(ops.sum(ops.square(x)), _SMALLEST))


def statistics_gap(x, mean, variance):
    """How far the channels of a batch are from a batch norm's moving statistics.

    Args:
        x: float32 `[B, ..., C]`, what goes into the batch norm.
        mean: float32 `[C]`.
        variance: float32 `[C]`.

    Returns:
        float32 scalar, |mean(x) - mean| + |var(x) - variance|, Euclidean, the variance biased.
    """
    axes = list(range(len(x.shape) - 1))
    here, spread = ops.mean(x, axis=axes), ops.var(x, axis=axes)
    return length(here - mean) + length(spread - variance)


def total_variation(image):
    """Length of the differences of neighbours in four directions, over the whole batch.

    Args:
        image: float32 `[B, H, W, C]`.

    Returns:
        float32 scalar.
    """
    pairs = [
        (image[:, :, :-1], image[:, :, 1:]),
        (image[:, :-1], image[:, 1:]),
        (image[:, 1:, :-1], image[:, :-1, 1:]),
        (image[:, :-1, :-1], image[:, 1:, 1:]),
    ]
    return sum(length(a - b) for a, b in pairs)


@keras.saving.register_keras_serializable(package="keras_kd")
class DeepInversion(GeneratorMethod):
    """A generator learns to make images that give the teacher's batch norms their statistics.

    One-hotness of the teacher's answer, plus the gap of the statistics of every batch norm, plus
    smoothness and size of the images. The paper moves pixels, 2,000 steps a batch; here a generator
    learns, which costs a step a batch.

    The statistics are those of the batch: under several replicas of the *replica's own* part, so
    two replicas do not equal one.

    Knowledge: feature. Needs: a teacher that is a Keras model with batch norms, and a
    method by which the student follows it, such as `SoftTargets`; no image, no label.
    Paper: Yin et al. 2020, arXiv 1912.08795.

    Args:
        one_hot: factor of the one-hotness; 1 in the paper, of a class that is drawn.
        statistics: factor of the batch norms' gap; 10 in the paper on CIFAR-10.
        variation: factor of the total variation; 2.5e-5 in the paper.
        size: factor of the images' length; 3e-8 in the paper.
        **kwargs: as for `GeneratorMethod` (`noise`, `width`, `steps`) and `Method`.

    Raises:
        ValueError: a teacher without batch norms.
    """

    scheme = "data-free"

    def __init__(self, one_hot=1.0, statistics=10.0, variation=2.5e-5, size=3e-8, **kwargs):
        super().__init__(**kwargs)
        self.one_hot, self.statistics, self.variation, self.size = not_negative(
            one_hot=one_hot, statistics=statistics, variation=variation, size=size
        )

    def networks(self, given):
        norms = inputs_of(given["teacher"], keras.layers.BatchNormalization)
        if not norms:
            raise ValueError(
                f"{type(self).__name__} compares with the moving statistics of the teacher's batch "
                f"norms. Received: {given['teacher'].name!r}, which has none. Take dafl or zskt, "
                "or a teacher with batch norms."
            )
        # Behind a closure: tracked, their weights would become this method's.
        self._norms = lambda: norms
        self.teacher_taps = tuple(norms)
        return super().networks(given)

    def call(self, batch, student, teacher):
        logits, image = teacher["logits"], batch["image"]
        gap = sum(
            statistics_gap(
                ops.cast(teacher[tap], "float32"), norm.moving_mean, norm.moving_variance
            )
            for tap, norm in self._norms().items()
        )
        whole = self.statistics * gap
        whole += self.variation * total_variation(image) + self.size * length(image)
        return self.one_hot * one_hotness(logits) + whole_batch(whole, logits)

    def get_config(self):
        own = {"one_hot": self.one_hot, "statistics": self.statistics}
        own |= {"variation": self.variation, "size": self.size}
        return {**super().get_config(), **own}
