"""Networks that start from what another training learned, under a classifier of their own."""

from pathlib import Path

import keras

from keras_kd.models import mixer_weights, vit_keras_hub, vit_weights, zoo
from keras_kd.models.bit import bit_resnet, load_bit_npz
from keras_kd.models.bit.published import bit_file, published, stage_units
from keras_kd.models.bit.weights import check_network, load_pretrained
from keras_kd.models.cutting import reheaded
from keras_kd.models.efficientnet_lite import load_efficientnet_npz
from keras_kd.models.hub import HUB_HOSTS, HubModule, hub, load_module
from keras_kd.models.layers import check_size, head
from keras_kd.models.mixer_weights import load_mixer_npz
from keras_kd.models.npz import listed, read_arrays
from keras_kd.models.output import with_one_output
from keras_kd.models.pixels import pixels_of
from keras_kd.models.saved import OldFile, open_keras, recorded_range
from keras_kd.models.value_range import OURS, UnknownRange, expected_range
from keras_kd.models.vit_weights import load_vit_npz

# Loaders of the archives of Flax: with the classifier or without, and where it fits.
FLAX = {
    "bit_resnet": (load_bit_npz, load_pretrained),
    "mixer": (load_mixer_npz, mixer_weights.load_pretrained),
    "vit": (load_vit_npz, vit_weights.load_pretrained),
}
KINDS = (
    "'bit:NAME', 'keras:NAME', the path of an .npz or .keras file, a SavedModel folder, "
    "'hub:HANDLE', or a https://tfhub.dev or https://www.kaggle.com/models address"
)


def start_from(
    init,
    num_classes,
    input_shape,
    network=None,
    *,
    keep_head=False,
    input_range=None,
    normalization=None,
    output="",
):
    """A trainable network with pretrained weights and a classifier that starts at zero.

    Args:
        init: where the weights come from: `bit:` and a published name, see `keras_kd.models.bit`;
            `keras:` and a network of `keras.applications`, with `?weights=FILE` behind it or
            ImageNet's weights; an `.npz` file of BiT, ViT, Mixer or EfficientNet-Lite; a `.keras`
            file; a SavedModel folder; or a TF-Hub handle, after `hub:` or as its https address.
        num_classes: number of logits.
        input_shape: (height, width, channels) of images in [-1, 1], which may be of another size
            than those that the weights were trained on.
        network: what a builder of `keras_kd.models` gave, to be filled in place: by the archive's
            own names, or from a `.keras` file of the same layers by name (`vit` also from that of a
            ViT of KerasHub). Without it the network is the one that `init` holds, cut below its
            classifier (the last dense layer); where there is none, its features are what it gives.
        keep_head: take the pretrained classifier over where it has `num_classes` classes. A hub
            module's is always new.
        input_range: (low, high) of the pixel values that `init`'s own network expects; by default
            what it is known to expect, see `keras_kd.teachers.load`.
        normalization: in its place, see `keras_kd.teachers.load`.
        output: name of the output that is the logits, of a model file with several; empty:
            `logits`, the only one, or the only one of `num_classes`.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`, all of it trainable. Its
        features are called `pre_logits`.

    Raises:
        ValueError: when `init` leads to no weights, or they do not fit; names the arrays or layers.
        UnknownOutput: a ValueError, where nothing tells which output of a file is its logits.
        ConnectionError: when the weights cannot be fetched.
    """
    shape = check_size(num_classes, input_shape)
    text = str(init) if isinstance(init, Path) else init
    if not isinstance(text, str) or not text:
        raise ValueError(f"init must be {KINDS}. Received: init={init!r}.")
    pixels = pixels_of(input_range, normalization)
    if network is None:
        network = _own_network(text, num_classes, shape, keep_head, pixels, output)
    elif not pixels.are_ours:
        told = "normalization" if pixels.normalization else "input_range"
        raise ValueError(
            f"The networks of keras_kd.models take images in [-1, 1]; {told} is for those that "
            f"init brings. Received: {told}={normalization or input_range}, init={text!r}. Leave "
            "it out."
        )
    else:
        _fill(network, text, keep_head)
    # A file may hold layers that were frozen to teach; and setting what is already set reaches none
    # of them on TensorFlow, so there and back.
    network.trainable = False
    network.trainable = True
    return network


def _own_network(init, num_classes, shape, keep_head, pixels, output):
    """The network that `init` itself holds."""
    if init.startswith("bit:"):
        entry = published(init.removeprefix("bit:"))
        network = bit_resnet(entry.depth, entry.width, num_classes, shape)
        _fill(network, init, keep_head)
        return network
    if init.startswith(zoo.SCHEME):
        return zoo.started(init, num_classes, shape, keep_head, pixels)
    if init.startswith("hub:") or init.startswith(HUB_HOSTS):
        values = pixels.input_range or (0.0, 1.0)
        return _hub(init.removeprefix("hub:"), num_classes, shape, values, pixels)
    path = _existing(init)
    if path.is_dir():
        values = pixels.input_range or recorded_range(path)
        if values is None and pixels.normalization is None:
            load_module(init)  # a wrong folder is refused before the question of the range
            raise ValueError(
                "input_range must be given for a SavedModel folder without "
                f"assets.extra/keras_kd.json. Received: init={init!r}. Give the values its images "
                "have: (-1, 1), (0, 1) or (0, 255)."
            )
        return _hub(init, num_classes, shape, values, pixels)
    if path.suffix == ".npz":
        raise ValueError(
            "An .npz file holds weights and no network. "
            f"Received: init={init!r} without a network. Name its builder, such as bit_resnet."
        )
    model = _of_images(_opened(path), init, shape[-1])
    model = with_one_output(model, output, num_classes)
    return _with_new_head(model, init, num_classes, shape, keep_head, pixels)


def _hub(handle, num_classes, shape, values, pixels):
    """A module with a new head, behind a normalization where there is one."""
    if pixels.normalization is None:
        return hub(handle, num_classes, shape, values, trainable=True)
    images = keras.Input(shape, name="image")
    module = HubModule(handle, OURS, trainable=True, name="pre_logits")
    x = module(pixels.convert(images, "to_pretrained_range"))
    return keras.Model(images, head(x, num_classes), name="hub")


def _opened(path):
    """The model of a file whose layers are to learn on, which those of an older Keras cannot."""
    try:
        return open_keras(path)
    except OldFile as error:
        raise ValueError(
            "init must be a model file that Keras 3 reads. Received: "
            f"init={str(path)!r}, of an older Keras, with layers that Keras 3 does not know. "
            "It can teach as it is, as a handle. To start from it, cut its classifier off with "
            f"tf_keras, m = tf_keras.models.load_model({str(path)!r}, compile=False) and "
            "tf_keras.Model(m.input, m.layers[-2].output).save('FOLDER'), and give FOLDER, which "
            "brings its network, and input_range."
        ) from error


def _existing(init):
    path = Path(init)
    scheme = init.split(":", 1)[0]
    state = f"with the unknown scheme {scheme + ':'!r}" if ":" in init else "which is not there"
    if not path.exists():
        raise ValueError(f"init must be {KINDS}. Received: init={init!r}, {state}.")
    return path


def _fill(network, init, keep_head):
    """Puts the weights of `init` into a network that was built for them."""
    classifier = _classifier(network)
    classifier.set_weights([0.0 * weight for weight in classifier.get_weights()])
    if init.startswith("bit:"):
        name = init.removeprefix("bit:")
        entry = published(name)
        check_network(network, stage_units(entry.depth), entry.width, init)
        return _fill_flax(network, bit_file(name), keep_head)
    brings = init.startswith((zoo.SCHEME, "hub:", *HUB_HOSTS))
    if brings or _existing(init).is_dir():
        raise ValueError(
            "A hub module, a SavedModel or keras:NAME brings its own network. Received: "
            f"init={init!r} for the network {network.name!r}. Leave the network out."
        )
    if not init.endswith(".npz"):
        model = _opened(Path(init))
        arrays = vit_keras_hub.arrays_of(model) if network.name == "vit" else None
        if arrays:
            return vit_weights.load_arrays(network, arrays, init, keep_head)
        return _fill_by_name(network, model, init, keep_head)
    if network.name.startswith("efficientnet_lite"):
        bias = read_arrays(init).get("_fc.bias") if keep_head else None
        same = bias is not None and bias.shape == (network.output_shape[-1],)
        return load_efficientnet_npz(network, init, head=same)
    if network.name not in FLAX:
        raise ValueError(
            f"An .npz file fills {', '.join(FLAX)} or efficientnet_lite. "
            f"Received: init={init!r} for the network {network.name!r}. Take one of these."
        )
    return _fill_flax(network, init, keep_head)


def _fill_flax(network, path, keep_head):
    strict, lenient = FLAX[network.name]
    return lenient(network, path) if keep_head else strict(network, path, head=False)


def _classifier(network):
    for layer in network.layers:
        if layer.name == "logits" and isinstance(layer, keras.layers.Dense):
            return layer
    raise ValueError(
        "network must end in a dense layer 'logits', as those of keras_kd.models do. "
        f"Received: network={network.name!r} with layers {[one.name for one in network.layers]}."
    )


def _fill_by_name(network, model, init, keep_head):
    """Copies every layer's weights from the layer of the same name, the classifier's if asked."""
    own = {layer.name: layer for layer in network.layers if layer.weights}
    theirs = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    if not keep_head or _shapes(own["logits"].get_weights()) != _shapes(theirs.get("logits", [])):
        theirs.pop("logits", None)
        own.pop("logits")
    problems = [f"{name} (in the network, not in the file)" for name in own if name not in theirs]
    problems += [f"{name} (in the file, not in the network)" for name in theirs if name not in own]
    for name in own.keys() & theirs.keys():
        file, mine = _shapes(theirs[name]), _shapes(own[name].get_weights())
        if file != mine:
            problems.append(f"{name} (file {file}, network {mine})")
    if problems:
        raise ValueError(
            f"the file must hold the layers of {network.name!r}. Received: init={init!r}, "
            f"{len(problems)} mismatches: {listed(sorted(problems))}. Build the network that the "
            "file holds, or leave the network out to take the file's own."
        )
    for name, layer in own.items():
        layer.set_weights(theirs[name])


def _shapes(weights):
    return [weight.shape for weight in weights]


def _of_images(model, init, channels):
    """A model that takes one batch of images of so many channels."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[-1] != channels:
        raise ValueError(
            f"the model must take one batch of images [B, H, W, {channels}]. Received: "
            f"init={init!r} with inputs of shapes {[tuple(one.shape) for one in inputs]}."
        )
    return model


def _with_new_head(model, init, num_classes, shape, keep_head, pixels):
    """A Keras model on images of `shape`, cut below its classifier, with a new one."""
    try:
        known = None if pixels else expected_range(model)
    except UnknownRange as error:
        raise ValueError(
            f"input_range must be given: {error}. Received: init={init!r}. Set input_range to the "
            "values that its images had: (-1, 1), (0, 1) or (0, 255)."
        ) from error
    if known not in (None, OURS):
        low, high = (f"{value:g}" for value in known)
        raise ValueError(
            "images in this toolkit are in [-1, 1]. Received: "
            f"init={init!r}, whose first layer expects [{low}, {high}]. Set input_range to "
            f"({low}, {high}) to have the values converted."
        )
    images = keras.Input(shape, name="image")
    try:
        values = pixels.convert(images, "to_pretrained_range")
        return reheaded(model, images, values, num_classes, keep_head)
    except ValueError as error:
        raise ValueError(
            f"the model must run on images of shape {shape} up to its features, [B, F] or "
            f"[B, H, W, F]. Received: init={init!r}: {str(error).strip()}"
        ) from error
