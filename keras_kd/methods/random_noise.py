"""Random noise in place of images: what every data-free method must beat."""

import keras
from keras import ops

from keras_kd.methods.phases import MAIN, Phase
from keras_kd.methods.response import SoftTargets

NOISE = "noise"


@keras.saving.register_keras_serializable(package="keras_kd")
class RandomNoise(SoftTargets):
    """Soft targets on pixels of normal noise, mean 0 and deviation 1, cut to [-1, 1].

    Knowledge: response. Needs: a teacher; no image, no label.
    Paper: Chen et al. 2019, table 1, arXiv 1904.01186.

    Args:
        temperature: as for `SoftTargets`.
        **kwargs: as for `SoftTargets`.
    """

    scheme = "data-free"

    def networks(self, given):
        image = keras.Input(given["student"].input_shape[1:], name=NOISE)
        return {NOISE: keras.Model(image, ops.clip(image, -1.0, 1.0), name=NOISE)}

    def phases(self):
        return [Phase(MAIN, images=NOISE)]
