"""Factor transfer: the teacher paraphrases its features, the student translates its own."""

import keras
from keras import layers, ops

from keras_kd.methods.arguments import not_negative, positive
from keras_kd.methods.features import FLOAT, Chain, FeatureMethod, flat, same_size, unit


def factor(x):
    """A map as one vector of length 1: `[B, H, W, C]` -> `[B, H * W * C]`."""
    return unit(flat(x))


@keras.saving.register_keras_serializable(package="keras_kd")
class FactorTransfer(FeatureMethod):
    """Matches factors: codes that a convolutional autoencoder makes of the teacher's map.

    The mean absolute difference of the factors at length 1, as in the authors' code
    (RepDistiller normalises squared channel means instead), summed over the pairs of taps. The
    student's factor comes from a translator of three 3x3 convolutions with batch norm, as in
    RepDistiller (the authors' has none); the larger map of a pair
    is pooled first. The paper trains the paraphraser before the student; here both learn at the
    same time: the paraphraser from its own reconstruction error alone, whose mean square is part
    of the reported loss, and the student from its factors as they are.

    Under several replicas the translator's batch norm is that of the *replica's own* part of the
    batch, so two replicas do not equal one.

    Knowledge: feature. Needs: taps on both sides that are maps; no labels.
    Paper: Kim, Park, Kwak 2018, arXiv 1802.04977.

    Args:
        student_taps: names of the student's layers, at least one.
        teacher_taps: names of the teacher's layers, as many.
        rate: channels of a factor over those of the teacher's map, above 0; 0.5 in the paper.
        reconstruction: factor of the reconstruction error, at least 0. The default balances the
            weight that the authors give to the method.
        **kwargs: as for `Method`. The paper taps the last map; the authors' weight on CIFAR-10 is
            500.

    Raises:
        ValueError: no taps, taps that are no maps of known size, or an impossible factor.
    """

    def __init__(self, student_taps=(), teacher_taps=(), rate=0.5, reconstruction=0.002, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        self.rate = positive(rate=rate)
        self.reconstruction = not_negative(reconstruction=reconstruction)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        self.encoders, self.decoders, self.translators = [], [], []
        for s, t in self.shape_pairs(student_shape, teacher_shape):
            channels, code = t[-1], max(1, int(t[-1] * self.rate))
            encoder = _convolutions(layers.Conv2D, (channels, code, code))
            decoder = _convolutions(layers.Conv2DTranspose, (code, channels, channels))
            translator = _convolutions(layers.Conv2D, (s[-1], code, code), normalize=True)
            encoder.build(t)
            decoder.build((*t[:3], code))
            translator.build(s)
            self.encoders.append(encoder)
            self.decoders.append(decoder)
            self.translators.append(translator)
        self.built = True

    def call(self, batch, student, teacher):
        loss = 0.0
        chains = zip(self.encoders, self.decoders, self.translators, self.pairs(student, teacher))
        for encoder, decoder, translator, (s, t) in chains:
            s, t = same_size(s, t)
            code = encoder(t)
            error = ops.mean(ops.square(decoder(code) - t), axis=(1, 2, 3))
            gap = factor(translator(s)) - factor(ops.stop_gradient(code))
            loss += ops.mean(ops.abs(gap), axis=1) + self.reconstruction * error
        return loss

    def get_config(self):
        own = {"rate": self.rate, "reconstruction": self.reconstruction}
        return {**super().get_config(), **own}


def _convolutions(kind, channels, normalize=False):
    """3x3 convolutions, each with batch norm where asked, and a leaky ReLU of slope 0.1."""
    steps = []
    for count in channels:
        steps.append(kind(count, 3, padding="same", use_bias=not normalize, dtype=FLOAT))
        if normalize:
            steps.append(layers.BatchNormalization(epsilon=1e-5, dtype=FLOAT))
        steps.append(layers.LeakyReLU(negative_slope=0.1, dtype=FLOAT))
    return Chain(steps)
