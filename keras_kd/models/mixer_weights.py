"""Published weights of MLP-Mixer, the `.npz` of vision_transformer and of big_vision."""

from keras_kd.models.flax_npz import (
    blocks_of,
    check_sizes,
    classes_of,
    dense,
    fill,
    layer_norm,
    read,
)

BLOCKS = "MixerBlock"


def load_mixer_npz(model, path, head=True):
    """Fills an MLP-Mixer with the arrays of a published `.npz` archive.

    The kernels over the places fit one grid only: images must have the size of the training.

    Args:
        model: what `mixer` built, of the archive's sizes.
        path: the `.npz` file.
        head: load the classifier too. False leaves the model's own (zero where it is new), for
            another number of classes; the file may then hold a head or none.

    Returns:
        The model.

    Raises:
        ValueError: the file is missing, damaged, or holds pickled objects; it is of other sizes or
            classes, or of another grid; or the arrays that did not match, by name.

    Paper: Tolstikhin et al. 2021, arXiv 2105.01601.
    """
    return _fill(model, read(path, BLOCKS), path, head)


def load_pretrained(model, path):
    """As `load_mixer_npz`, with the classifier just where the file has as many classes.

    Args:
        model: what `mixer` built.
        path: the `.npz` file.

    Returns:
        The model.

    Raises:
        ValueError: see `load_mixer_npz`.
    """
    arrays = read(path, BLOCKS)
    return _fill(model, arrays, path, head=classes_of(arrays) == model.output_shape[-1])


def _fill(model, arrays, path, head):
    wanted = _wanted(model)
    sizes, file = _sizes(wanted), _sizes(arrays)
    places, theirs = sizes.pop("places"), file.pop("places")
    check_sizes(file, sizes, path, "mixer")
    if theirs not in (None, places):
        raise ValueError(
            "the file must be of the model's grid: a Mixer's kernels go over all places, which "
            f"nothing resizes. Received: path={str(path)!r}, for {theirs} patches in place of "
            f"{places}. Build mixer for images of the size of its training."
        )
    return fill(model, arrays, wanted, path, head)


def _wanted(model):
    names = {layer.name for layer in model.layers}
    if model.name != "mixer" or "block1_token_mlp" not in names:
        raise ValueError(
            f"model must come from mixer. Received: model={model.name!r}. Build it with "
            "keras_kd.models.mixer."
        )
    layer, wanted = model.get_layer, dense(model.get_layer("stem"), "stem")
    depth = sum(name.endswith("_token_mlp") for name in names)
    for index in range(depth):
        ours, theirs = f"block{index + 1}", f"{BLOCKS}_{index}"
        wanted |= layer_norm(layer(f"{ours}_norm1"), f"{theirs}/LayerNorm_0")
        wanted |= layer_norm(layer(f"{ours}_norm2"), f"{theirs}/LayerNorm_1")
        for part, mixing in (("token_mlp", "token_mixing"), ("channel_mlp", "channel_mixing")):
            wanted |= dense(layer(f"{ours}_{part}_hidden"), f"{theirs}/{mixing}/Dense_0")
            wanted |= dense(layer(f"{ours}_{part}"), f"{theirs}/{mixing}/Dense_1")
    wanted |= layer_norm(layer("norm"), "pre_head_layer_norm")
    return wanted | dense(layer("logits"), "head")


def _sizes(arrays):
    """Of the arrays or variables of a Mixer: its sizes by argument, and the places it mixes."""

    def shape(name, rank):
        array = arrays.get(name)
        return array.shape if array is not None and len(array.shape) == rank else (None,) * rank

    stem = shape("stem/kernel", 4)
    places, token_width = shape(f"{BLOCKS}_0/token_mixing/Dense_0/kernel", 2)
    return {
        "patch": stem[0],
        "width": stem[-1],
        "depth": blocks_of(arrays, BLOCKS) or None,
        "token_width": token_width,
        "channel_width": shape(f"{BLOCKS}_0/channel_mixing/Dense_0/kernel", 2)[1],
        "places": places,
    }
