"""Residual networks: the small one for small images, and ResNet-50 from `keras.applications`.

Paper: He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv 1512.03385.
"""

from pathlib import Path

import keras
from keras import ops
from keras.layers import Activation, Add, Conv2D, GlobalAveragePooling2D

from keras_kd.models.layers import check_size, head, norm_layer, relabelled, scaled

# Layer names of keras.applications and what they are called here.
RESNET50_TAPS = {
    "to_caffe_range": "to_caffe_range",
    "pool1_pool": "stem",
    "conv2_block3_out": "stage1",
    "conv3_block4_out": "stage2",
    "conv4_block6_out": "stage3",
    "conv5_block3_out": "stage4",
    "avg_pool": "pre_logits",
}


@keras.saving.register_keras_serializable(package="keras_kd")
class IdentityShortcut(keras.layers.Layer):
    """The shortcut without parameters: every second pixel, new channels filled with zeros.

    Args:
        filters: channels of the output, at least those of the input.
        stride: 1 or 2.

    Reference: He et al. 2016, option A.
    """

    def __init__(self, filters, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride

    def call(self, inputs):
        x = inputs[:, :: self.stride, :: self.stride, :]
        return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, self.filters - inputs.shape[-1]]])

    def compute_output_shape(self, input_shape):
        sides = [None if s is None else -(-s // self.stride) for s in input_shape[1:3]]
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "stride": self.stride}


def resnet(
    depth=20,
    width=1.0,
    num_classes=10,
    input_shape=(32, 32, 3),
    norm="batch",
    synchronized=False,
    dropout=0.0,
    kernel=3,
):
    """Builds the residual network for small images: three stages, 6n + 2 layers, logits out.

    Taps: `stem`, `stage1`, `stage2`, `stage3`, `pre_logits`.

    Args:
        depth: 6n + 2: 8, 14, 20, 32, 44, 56, 110, ...
        width: multiplier of the 16, 32 and 64 channels, or one of each, as of each stage; no stage
            may have fewer channels than the one before.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1], sides of 8 px or more.
        norm: "batch" or "group".
        synchronized: batch norm statistics over all replicas.
        dropout: fraction of `pre_logits` dropped in training, in [0, 1).
        kernel: side of all kernels, odd.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`.

    Raises:
        ValueError: for a depth that is not 6n + 2, a bad shape, norm, width or kernel.
    """
    shape = check_size(num_classes, input_shape, min_side=8)
    if type(depth) is not int or depth < 8 or (depth - 2) % 6:
        raise ValueError(
            "depth must be 6n + 2, with n blocks in each of three stages. "
            f"Received: depth={depth!r}. Use for example 8, 14, 20, 32 or 56."
        )
    if type(kernel) is not int or kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel must be an odd number of pixels. Received: kernel={kernel!r}.")
    channels = _channels(width)

    def conv(x, filters, name, stride=1):
        x = Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        return norm_layer(norm, f"{name}_norm", synchronized)(x)

    inputs = keras.Input(shape, name="image")
    x = Activation("relu", name="stem")(conv(inputs, channels[0], "stem"))
    blocks = (depth - 2) // 6
    for stage, filters in enumerate(channels, start=1):
        for block in range(1, blocks + 1):
            name = f"stage{stage}_block{block}"
            stride = 2 if stage > 1 and block == 1 else 1
            shortcut = x
            if stride > 1 or x.shape[-1] != filters:
                shortcut = IdentityShortcut(filters, stride, name=f"{name}_shortcut")(x)
            x = Activation("relu", name=f"{name}_relu1")(conv(x, filters, f"{name}_1", stride))
            x = Add(name=f"{name}_add")([conv(x, filters, f"{name}_2"), shortcut])
            # The last activation of a stage carries the stage's name, for the taps.
            last = block == blocks
            x = Activation("relu", name=f"stage{stage}" if last else f"{name}_relu2")(x)
    x = GlobalAveragePooling2D(name="pre_logits")(x)
    logits = head(x, num_classes, dropout, initializer="glorot_uniform")
    return keras.Model(inputs, logits, name=f"resnet{depth}")


def _channels(width):
    """Channels of the three stages."""
    base = (16, 32, 64)
    if not hasattr(width, "__len__"):
        return [scaled(channels, width) for channels in base]
    found = [scaled(channels, one) for channels, one in zip(base, width)]
    if len(width) != len(base) or found != sorted(found):
        raise ValueError(
            "width must be one number, or one for each of the three stages, none of which has "
            f"fewer channels than the one before. Received: width={width!r}, of {found} channels."
        )
    return found


@keras.saving.register_keras_serializable(package="keras_kd")
class ToCaffeRange(keras.layers.Layer):
    """RGB in [-1, 1] to what Keras's ImageNet ResNet-50 was trained on: BGR, 0 to 255, mean off."""

    MEAN_BGR = (103.939, 116.779, 123.68)

    def call(self, inputs):
        mean = ops.cast(ops.array(self.MEAN_BGR), inputs.dtype)
        return ops.flip(inputs, axis=-1) * 127.5 + (127.5 - mean)

    def compute_output_shape(self, input_shape):
        return input_shape


def resnet50(num_classes=1000, input_shape=(224, 224, 3), weights=None, synchronized=False):
    """Builds ResNet-50 from `keras.applications`, ending in logits.

    Taps: `stem`, `stage1` ... `stage4`, `pre_logits`.

    Args:
        num_classes: number of logits. With weights and 1,000 classes the classifier is taken
            over; with another count it starts at zero.
        input_shape: (height, width, channels) of images in [-1, 1], sides of 32 px or more.
        weights: None (random), "imagenet" (Keras downloads its file), or the path of a copy of
            that file. With weights, `to_caffe_range` turns [-1, 1] into what they expect.
        synchronized: batch norm statistics over all replicas.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`.

    Raises:
        ValueError: for a bad shape, or a weights file that is not there or does not fit.
    """
    shape = check_size(num_classes, input_shape, min_side=32, channels=3 if weights else None)
    pretrained = None if weights is None else _pretrained_resnet50(weights)
    inputs = keras.Input(shape, name="image")
    first = inputs if pretrained is None else ToCaffeRange(name="to_caffe_range")(inputs)
    base = keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=first, input_shape=shape, pooling="avg"
    )
    if pretrained is not None:
        base.set_weights(pretrained.get_weights()[:-2])  # all but the classifier's two
    base = relabelled(base, RESNET50_TAPS, synchronized=synchronized)
    fresh = "glorot_uniform" if pretrained is None else "zeros"
    logits = head(base.output, num_classes, initializer=fresh)
    model = keras.Model(base.inputs[0], logits, name="resnet50")
    if pretrained is not None and num_classes == 1000:
        model.get_layer("logits").set_weights(pretrained.get_weights()[-2:])
    return model


def _pretrained_resnet50(weights):
    """Keras's own ResNet-50 at 1,000 classes with the given weights."""
    if weights == "imagenet":
        return keras.applications.ResNet50(weights="imagenet", classifier_activation=None)
    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            "weights must be None, 'imagenet' or the path of a file. "
            f"Received: weights={str(weights)!r}, which is not there. "
            "Give a copy of Keras's resnet50_weights_tf_dim_ordering_tf_kernels.h5."
        )
    model = keras.applications.ResNet50(weights=None, classifier_activation=None)
    try:
        model.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds for a wrong file
        raise ValueError(
            "weights must hold Keras's ResNet-50 with its classifier of 1,000 classes. "
            f"Received: weights={str(path)!r}, which does not load: {error}. "
            "Give a copy of Keras's resnet50_weights_tf_dim_ordering_tf_kernels.h5."
        ) from error
    return model
