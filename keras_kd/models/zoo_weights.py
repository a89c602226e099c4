"""Weights of networks of `keras.applications`: fetched by Keras, or from a file of one's own."""

import os
import re
from pathlib import Path

import keras
import numpy as np

IMAGENET = "imagenet"
CLASSIFIER = re.compile(r"predictions|conv_preds|logits|layers/dense", re.IGNORECASE)
CLASSES = 1000  # of ImageNet's classifier
SIDE = 224  # px, at which no family refuses its weights
# What Keras calls the files of some good networks without their classifier, the best for a teacher
# on a processor first.
FILES = {
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
    "MobileNetV3Large": "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    "ResNet50V2": "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
# EfficientNet's published files hold these, the deviations, where the variances should stand.
DEVIATIONS = (0.229, 0.224, 0.225)


def fill(network, build, weights, classes, label):
    """Puts weights into a network of `keras.applications`.

    Args:
        network: what `build` made, without weights.
        build: its builder, of include_top, weights, input_shape and classes.
        weights: None or "none", "imagenet", or the path of a file.
        classes: of the network's classifier; 0: it has none.
        label: what the user calls the network, for errors.

    Returns:
        dict from a layer to one that must stand behind it, for these weights to mean what they
        meant when they were trained.

    Raises:
        ValueError: weights that are not there or do not fit.
        ConnectionError: Keras cannot fetch them.
    """
    if weights in (None, "", "none"):
        return {}
    if weights == IMAGENET:
        source = _published(build, classes, label)
        _copy(source.get_weights(), network, label, source.input_shape[1])
    elif Path(str(weights)).is_file():
        _read(network, build, str(weights), classes, label)
    else:
        raise ValueError(
            f"the weights of {label} must be none, {IMAGENET}, or a file that is there. Received: "
            f"weights={weights!r}. Check the path."
        )
    return mended(network)


def _published(build, classes, label):
    """Keras's own network with the weights that it fetches."""
    if classes not in (0, CLASSES):
        raise ValueError(
            f"ImageNet's classifier has {CLASSES} classes. Received: {label}?weights={IMAGENET} "
            f"for {classes}. Start a new classifier on it: {label}?weights={IMAGENET} as `init`."
        )
    top = {"include_top": True} if classes else {"include_top": False,
                                                 "input_shape": (SIDE, SIDE, 3)}  # fmt: skip
    try:
        return build(weights=IMAGENET, **top)
    except ValueError as error:
        raise ValueError(f"{label} has no weights of ImageNet: {error}") from error
    except Exception as error:  # get_file raises a bare Exception for whatever the network does
        raise ConnectionError(
            f"the weights of {label} cannot be fetched. Received: {' '.join(str(error).split())}. "
            f"{_by_hand(str(error))}"
        ) from None


def _by_hand(reason):
    """What to do without a network, of what Keras said of an address."""
    address = re.search(r"https?://\S+", reason)
    if address is None:
        return "Give a file of your own: weights=FILE."
    address = address[0].rstrip(".,:;")
    return (
        f"Without a network, fetch {address} elsewhere and put the file at "
        f"{_folder() / address.rpartition('/')[2]}."
    )


def _folder():
    """Where Keras keeps the weights that it fetched."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    return home / "models"


def fetched():
    """Name of a good network whose weights Keras has fetched before; empty where there is none."""
    return next((name for name, file in FILES.items() if (_folder() / file).is_file()), "")


def _copy(given, network, label, side):
    """Takes the weights of another network of the same layers, which was made for `side` px."""
    own = network.get_weights()
    if [one.shape for one in given] != [one.shape for one in own]:
        raise ValueError(
            f"the weights must fit {label} at this size of images. Received: {len(given)} arrays "
            f"for {len(own)}, of other shapes: its classifier is made for one size. Take "
            f"{side} px, or a new classifier: {label}?weights=... as `init`."
        )
    network.set_weights(given)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # what it computes with is not what it stores


def _read(network, build, path, classes, label):
    """Loads a file, which for a network without classifier may hold one, of any size."""
    try:
        network.load_weights(path)
        return
    except Exception as error:  # Keras and h5py raise many kinds for a wrong file
        reason = " ".join(str(error).split())[:300]
    if not classes:
        units = _classes_of(path)
        whole = build(include_top=True, weights=None, input_shape=(SIDE, SIDE, 3), classes=units)
        try:
            whole.load_weights(path)
        except Exception as error:  # as above
            reason = " ".join(str(error).split())[:300]
        else:
            # A classifier's weights come last.
            trunk = whole.get_weights()[: len(network.get_weights())]
            _copy(trunk, network, label, SIDE)
            return
    raise ValueError(
        f"the weights must be those of {label}"
        f"{f' with {classes} classes' if classes else ''}. Received: weights={path!r}, which does "
        f"not load: {reason} Give a file of `model.save_weights` of that network of "
        "keras.applications, or one that Keras publishes."
    )


def _classes_of(path):
    """The classes of the classifier in a file of weights, by its names; else ImageNet's."""
    import h5py

    found = []

    def look(name, item):
        if isinstance(item, h5py.Dataset) and CLASSIFIER.search(name) and item.ndim == 1:
            found.append(item.shape[0])

    try:
        with h5py.File(path) as file:
            file.visititems(look)
    except OSError:  # no HDF5 file at all, as loading it will tell
        return CLASSES
    return found[-1] if found else CLASSES


def mended(network):
    """The factor that Keras puts behind EfficientNet's published normalisation.

    Keras adds it for weights="imagenet" alone; the same file by its path would run without it.

    Args:
        network: Keras model with its weights.

    Returns:
        dict from the normalising layer to the `Rescaling` behind it; empty where the weights are
        not of that kind.
    """
    for layer in network.layers:
        if not isinstance(layer, keras.layers.Normalization) or layer.input_mean is not None:
            continue
        variance = np.ravel(keras.ops.convert_to_numpy(layer.variance))
        if variance.shape == (3,) and np.allclose(variance, DEVIATIONS, atol=1e-4):
            factors = [1 / value**0.5 for value in DEVIATIONS]
            return {layer: keras.layers.Rescaling(factors, name="published_deviation")}
    return {}
