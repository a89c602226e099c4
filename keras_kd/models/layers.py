"""Layers and helpers that several networks share: normalisation, padding-exact convolution, head.

The group norm is written for the converter to TFLite: `d * d` instead of a square, and one
multiplication and addition per channel instead of a negated offset, so that full-int8 files keep
as few float operations as possible. In training it runs as in `gradients.py` instead.
"""

import re

import keras
import tensorflow as tf
from keras import ops

from keras_kd.models import gradients
from keras_kd.utils.integers import check_integer

NORMS = ("batch", "group")


def check_size(num_classes, input_shape, min_side=1, channels=None):
    """Checks a builder's two common arguments before any layer is made.

    Args:
        num_classes: number of logits, an int >= 1.
        input_shape: (height, width, channels); height and width may be None.
        min_side: the smallest side, in pixels, that the network can take.
        channels: the only channel count the network can take, or None for any.

    Returns:
        `input_shape` as a tuple.

    Raises:
        ValueError: for a bad class count, rank, side or channel count.
    """
    check_integer("num_classes", num_classes, advice="Pass the number of classes of the data set.")
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else ()
    if len(shape) != 3 or not isinstance(shape[-1], int) or shape[-1] < 1:
        raise ValueError(
            "input_shape must be (height, width, channels) with a known number of channels. "
            f"Received: input_shape={input_shape!r}. Write for example (224, 224, 3)."
        )
    if channels is not None and shape[-1] != channels:
        raise ValueError(
            f"this network takes images of {channels} channels. "
            f"Received: input_shape={shape}. Convert the images, or build it without weights."
        )
    for side in shape[:2]:
        if side is not None and (not isinstance(side, int) or side < min_side):
            raise ValueError(
                f"the sides of the images must be integers of at least {min_side} pixels. "
                f"Received: input_shape={shape}. Use a higher resolution or another network."
            )
    return shape


def scaled(channels, width):
    """A channel count times a width multiplier, rounded; both must be positive.

    Raises:
        ValueError: when the width is not positive or leaves no channel.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not width > 0:
        raise ValueError(
            f"width must be a positive number. Received: width={width!r}. Use 1 for the paper's."
        )
    result = round(channels * width)
    if result < 1:
        raise ValueError(
            f"width leaves no channel out of {channels}. Received: width={width}. "
            f"Use at least {1 / channels:g}."
        )
    return result


@keras.saving.register_keras_serializable(package="keras_kd")
class StandardizedConv2D(keras.layers.Conv2D):
    """A convolution whose kernel is brought to zero mean and unit variance per output filter.

    Statistics run over height, width and input channels, in float32 whatever the compute dtype;
    1e-10 is added to the variance. The stored kernel stays as it is, so replacing the layer by a
    `Conv2D` of the same config that holds `standardized_kernel()` gives the same network.

    In training, gradients come in closed form, and an ungrouped 1x1 convolution runs as a matrix
    product: TensorFlow's own gradient of it is up to five times slower on a CPU where the image
    is small. Without training the graph is a plain convolution, as exports want it.

    Args: those of `keras.layers.Conv2D`.

    Reference: Qiao et al. 2019, arXiv 1903.10520; variance offset as in Kolesnikov et al. 2020,
    arXiv 1912.11370.
    """

    def add_weight(self, *args, **kwargs):
        # Autocasting would round the kernel to half precision before its statistics are taken.
        if kwargs.get("name") == "kernel":
            kwargs["autocast"] = False
        return super().add_weight(*args, **kwargs)

    def standardized_kernel(self):
        """Returns the kernel in use, float32 `[h, w, in, out]`."""
        return self._standardize(self.kernel)

    def _standardize(self, kernel):
        kernel = ops.cast(kernel, "float32")
        centred = kernel - ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        variance = ops.mean(centred * centred, axis=(0, 1, 2), keepdims=True)
        return centred * ops.rsqrt(variance + 1e-10)

    def call(self, inputs, training=False):
        if not training:
            return super().call(inputs)
        kernel = gradients.standardize(tf.convert_to_tensor(self.kernel))
        outputs = self._convolve(inputs, tf.cast(kernel, inputs.dtype))
        if self.use_bias:
            order = "NHWC" if self.data_format == "channels_last" else "NCHW"
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, outputs.dtype), order)
        return outputs if self.activation is None else self.activation(outputs)

    def _convolve(self, inputs, kernel):
        """A convolution with the kernel in use; 1x1 over all channels as a matrix product."""
        points = self.kernel_size == (1, 1) and self.groups == 1
        if not points or self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        if self.strides != (1, 1):
            inputs = inputs[:, :: self.strides[0], :: self.strides[1]]
        return tf.tensordot(inputs, tf.reshape(kernel, kernel.shape[2:]), axes=1)

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, ops.cast(self._standardize(kernel), inputs.dtype))


@keras.saving.register_keras_serializable(package="keras_kd")
class GroupNorm(keras.layers.Layer):
    """Group normalisation over space and groups of channels, converted cleanly to TFLite.

    Args:
        groups: number of groups, or None for min(32, channels); must divide the channels.
        epsilon: added to the variance.

    Raises:
        ValueError: when the groups do not divide the channels.

    Reference: Wu and He 2018, arXiv 1803.08494.
    """

    def __init__(self, groups=None, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = input_shape[-1]
        self._used_groups = self.groups or min(32, channels)
        if channels % self._used_groups:
            raise ValueError(
                f"group norm splits the channels into {self._used_groups} equal groups. "
                f"Received: channels={channels} in layer {self.name!r}. Choose a width that makes "
                f"every channel count at most 32 or a multiple of 32, or use norm='batch'."
            )
        self.gamma = self.add_weight(
            shape=(channels,), initializer="ones", name="gamma", autocast=False
        )
        self.beta = self.add_weight(
            shape=(channels,), initializer="zeros", name="beta", autocast=False
        )
        self.built = True

    def call(self, inputs, training=False):
        if training:
            gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
            return gradients.group_norm(inputs, gamma, beta, self._used_groups, self.epsilon)
        height, width, channels = inputs.shape[1:]
        static = height is not None and width is not None
        pixels = height * width if static else ops.shape(inputs)[1] * ops.shape(inputs)[2]
        # Sums of squares overflow half precision, so the statistics are float32.
        x = ops.cast(inputs, "float32")
        x = ops.reshape(x, (-1, pixels, self._used_groups, channels // self._used_groups))
        d = x - ops.mean(x, axis=(1, 3), keepdims=True)
        variance = ops.mean(d * d, axis=(1, 3), keepdims=True)
        x = d * ops.rsqrt(variance + self.epsilon)
        if static:
            x = ops.reshape(x, (-1, height, width, channels))
        else:
            x = ops.reshape(x, ops.shape(inputs))
        return ops.cast(x * self.gamma + self.beta, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}


def norm_layer(norm, name, synchronized=False):
    """The normalisation layer that a builder's `norm` names.

    Args:
        norm: "batch" or "group".
        name: the layer's name.
        synchronized: batch norm only: statistics over all replicas instead of each its own.

    Raises:
        ValueError: for another norm, or a synchronized group norm.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {NORMS}. Received: norm={norm!r}.")
    if norm == "group":
        if synchronized:
            raise ValueError(
                "synchronized=True is for batch norm: group norm never looks beyond one example. "
                "Received: norm='group', synchronized=True. Drop `synchronized`."
            )
        return GroupNorm(name=name)
    # Momentum 0.9: the statistics settle within the short runs that small data sets allow.
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, synchronized=synchronized, name=name
    )


def head(x, num_classes, dropout=0.0, initializer="zeros"):
    """The classifier on top of `pre_logits`: dropout, then float32 logits `[B, num_classes]`."""
    if not 0.0 <= dropout < 1.0:
        raise ValueError(
            f"dropout must be a fraction in [0, 1). Received: dropout={dropout}. Use 0 for none."
        )
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    # float32 under mixed precision too: the losses take softmax of these numbers.
    return keras.layers.Dense(
        num_classes, kernel_initializer=initializer, dtype="float32", name="logits"
    )(x)


def _snake_case(name):
    """A class name as Keras spells it in automatic layer names: ReLU -> re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def relabelled(model, names=None, **batch_norm):
    """Copies a functional model, weights included, with other layer names.

    Automatic names such as `activation_7` drift with what was built before; here they are numbered
    anew within the model, so that taps and checkpoints find the same layer every time.

    Args:
        model: a functional Keras model.
        names: new names by old name, for the layers that serve as taps.
        **batch_norm: settings that every batch norm of the copy takes, such as
            `synchronized=True`, which shares statistics over replicas.

    Returns:
        A new functional model that computes the same.
    """
    names = names or {}
    counts = {}

    def copy(layer):
        config = layer.get_config()
        automatic = _snake_case(type(layer).__name__)
        if layer.name in names:
            config["name"] = names[layer.name]
        elif re.fullmatch(rf"{automatic}(_\d+)?", layer.name):
            counts[automatic] = counts.get(automatic, 0) + 1
            config["name"] = f"{automatic}_{counts[automatic]}"
        if isinstance(layer, keras.layers.BatchNormalization):
            config.update(batch_norm)
        return type(layer).from_config(config)

    result = keras.models.clone_model(model, clone_function=copy)
    result.set_weights(model.get_weights())
    return result
