"""Brightness, contrast, saturation and hue of an image, a little otherwise.

Reference: torchvision's `ColorJitter`, as in A. G. Howard, "Some Improvements on Deep Convolutional
Neural Network Based Image Classification", 2013, arXiv:1312.5402.
"""

from dataclasses import dataclass

import tensorflow as tf

from keras_kd.data import changes, colors
from keras_kd.data.ops.base import PixelOp, parameter
from keras_kd.data.random_streams import uniform

# In the order of the parameters: a function of an image and a strength.
CHANGES = (colors.brightness, colors.contrast, colors.color, colors.hue)


@dataclass(frozen=True)
class ColorJitter(PixelOp):
    """`color_jitter(brightness,contrast,saturation,hue)`: these changed in an order that is drawn.

    The factors of the first three are uniform from 1 less to 1 more than the parameter, but not
    below 0; a `hue` of 0.5 is half of the circle to either side.
    """

    brightness: float = parameter(0.4, "greatest change of the factor", low=0, high=10)
    contrast: float = parameter(0.4, "greatest change of the factor", low=0, high=10)
    saturation: float = parameter(0.4, "greatest change of the factor", low=0, high=10)
    hue: float = parameter(0.0, "greatest change, share of the circle", low=0, high=0.5)
    random = True

    def draw(self, sizes, stream):
        """`order`, int32 `[B, 4]`, positions in `CHANGES`, and `strength`, float32 `[B, 4]`, of
        each change by its position."""
        shape = [tf.shape(sizes)[0], len(CHANGES)]
        about = tf.constant([1.0, 1.0, 1.0, 0.0])
        reach = tf.constant([self.brightness, self.contrast, self.saturation, self.hue])
        low = tf.where(about > 0, tf.maximum(about - reach, 0.0), -reach)
        strength = low + (about + reach - low) * uniform(shape, stream.key("strength"))
        order = tf.argsort(uniform(shape, stream.key("order")), axis=1, stable=True)
        return {"order": order, "strength": strength}

    def apply(self, image, drawn):
        reach = (self.brightness, self.contrast, self.saturation, self.hue)
        used = tuple(
            change if most else changes.CHANGES[changes.IDENTITY]
            for change, most in zip(CHANGES, reach)
        )
        for which in tf.unstack(drawn["order"]):
            strength = tf.gather(drawn["strength"], which)
            image = changes.one_of(used, image, which, strength)
        return image
