"""The branch that Convpass puts beside a transformer's attention and MLP."""

import keras
from keras import ops

INITS = ("identity", "xavier")
DROPOUT = 0.1
SLOPE = 1.702  # of quickGELU


@keras.saving.register_keras_serializable(package="keras_kd")
class Bypass(keras.layers.Layer):
    """A 3x3 convolution over the grid of patches in few channels, `[B, N, D]` -> `[B, N, D]`.

    A dense layer to `dim` channels, quickGELU, the convolution, quickGELU, dropout, a dense layer
    back to D, which starts at zero, times `scale`. Each token that stands for no patch goes through
    the same convolution as an image of one pixel, so that only the centre of the kernel meets it;
    the authors have one, the class token, and DeiT's distillation token is treated alike.

    Args:
        dim: channels of the convolution.
        grid: (H, W) of the patches, in whose order tokens come, row by row.
        extra: tokens in front that stand for no patch.
        scale: factor of what comes out.
        init: how the convolution starts: "identity" or "xavier".

    Paper: Jie, Deng 2022, "Convolutional Bypasses Are Better Vision Transformer Adapters", arXiv
    2207.07039.
    """

    def __init__(self, dim, grid, extra=0, scale=1.0, init="identity", **kwargs):
        super().__init__(**kwargs)
        self.dim, self.grid, self.extra = dim, tuple(grid), extra
        self.scale, self.init = scale, init
        kernel = "glorot_uniform" if init == "xavier" else _centre
        own = {"dtype": self.dtype_policy}
        self.down = keras.layers.Dense(dim, name="down", **own)
        self.convolution = keras.layers.Conv2D(
            dim, 3, padding="same", kernel_initializer=kernel, name="convolution", **own
        )
        self.dropout = keras.layers.Dropout(DROPOUT, name="dropout", **own)
        self.up = None  # its width is that of the tokens

    @property
    def parts(self):
        """The layers that learn, in their order."""
        return [self.down, self.convolution, self.up]

    def build(self, input_shape):
        self.down.build(input_shape)
        self.convolution.build((None, *self.grid, self.dim))
        self.up = keras.layers.Dense(
            input_shape[-1], kernel_initializer="zeros", name="up", dtype=self.dtype_policy
        )
        self.up.build((None, None, self.dim))

    def call(self, inputs, training=None):
        x = _quick_gelu(self.down(inputs))
        image = ops.reshape(x[:, self.extra :], (-1, *self.grid, self.dim))
        convolved = ops.reshape(self.convolution(image), (-1, *self._places, self.dim))
        if self.extra:
            kernel, bias = (ops.cast(w, x.dtype) for w in self.convolution.weights)
            alone = ops.matmul(x[:, : self.extra], kernel[1, 1]) + bias
            convolved = ops.concatenate([alone, convolved], axis=1)
        x = self.dropout(_quick_gelu(convolved), training=training)
        return self.scale * self.up(x)

    @property
    def _places(self):
        height, width = self.grid
        return (height * width,)

    def multiplications(self, input_shape):
        """Of one image."""
        _, tokens, channels = input_shape
        dense = 2 * tokens * channels * self.dim
        return dense + (9 * self._places[0] + self.extra) * self.dim**2

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"dim": self.dim, "grid": list(self.grid), "extra": self.extra}
        return {**super().get_config(), **own, "scale": self.scale, "init": self.init}


def _quick_gelu(x):
    return x * ops.sigmoid(SLOPE * x)


def _centre(shape, dtype=None):
    """A kernel that gives each pixel as it is: zeros, and the identity at the centre."""
    return ops.pad(ops.eye(shape[-1], dtype=dtype)[None, None], [(1, 1), (1, 1), (0, 0), (0, 0)])
