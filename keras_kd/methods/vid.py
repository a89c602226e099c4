"""Variational information distillation: the student predicts the teacher, knowing how surely."""

import math

import keras
from keras import layers, ops

from keras_kd.methods.arguments import positive
from keras_kd.methods.features import FLOAT, Chain, FeatureMethod, same_size

EPSILON = 1e-5  # smallest variance, as in the authors' code


@keras.saving.register_keras_serializable(package="keras_kd")
class VID(FeatureMethod):
    """Raises a lower bound of the mutual information of two layers.

    The negative log-likelihood of the teacher's map under a Gaussian: its mean is regressed from
    the student's map by three 1x1 convolutions, its variance is learned for each channel.
    0.5 * ((mean - t)^2 / var + log var), the mean over positions and channels, summed over the
    pairs; it may be negative. The larger map of a pair is pooled. Unlike mdistiller, where they
    are left out of the optimizer, the variances are trained, as in the paper.

    Knowledge: feature. Needs: taps on both sides that are maps; no labels.
    Paper: Ahn et al. 2019, arXiv 1904.05835.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        initial_variance: variance at the start, above 1e-5; 5 in the authors' code.
        **kwargs: as for `Method`. The weight is 1 in the public implementations.

    Raises:
        ValueError: no taps, taps that are no maps of known size, or an impossible variance.
    """

    def __init__(self, student_taps=(), teacher_taps=(), initial_variance=5.0, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.initial_variance = positive(initial_variance=initial_variance)
        if self.initial_variance <= EPSILON:
            raise ValueError(
                f"initial_variance must exceed {EPSILON}. "
                f"Received: initial_variance={initial_variance}."
            )

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.regressors, self.log_scales = [], []
        above = self.initial_variance - EPSILON
        start = above + math.log(-math.expm1(-above))  # softplus(start) = above, without overflow
        for index, (s, t) in enumerate(self.shape_pairs(student_shape, teacher_shape)):
            convs = [
                layers.Conv2D(t[-1], 1, use_bias=False, activation=activation, dtype=FLOAT)
                for activation in ("relu", "relu", None)
            ]
            regressor = Chain(convs)
            regressor.build(s)
            self.regressors.append(regressor)
            self.log_scales.append(
                self.add_weight(
                    shape=(t[-1],),
                    initializer=keras.initializers.Constant(start),
                    name=f"log_scale_{index}",
                )
            )
        self.built = True

    def call(self, batch, student, teacher):
        loss = 0.0
        models = zip(self.regressors, self.log_scales, self.pairs(student, teacher))
        for regressor, log_scale, (s, t) in models:
            s, t = same_size(s, t)
            variance = ops.softplus(log_scale) + EPSILON
            likelihood = ops.square(regressor(s) - t) / variance + ops.log(variance)
            loss += 0.5 * ops.mean(likelihood, axis=(1, 2, 3))
        return loss

    def get_config(self):
        return {**super().get_config(), "initial_variance": self.initial_variance}
