"""Published BiT weights: both public `.npz` layouts into a network of `bit_resnet`.

big_transfer names its arrays as TensorFlow did (`resnet/block1/unit01/a/group_norm/gamma`, with
`standardized_conv2d_7` for `standardized_conv2d` in some files), big_vision as Flax does
(`params/block1/unit01/gn1/scale`, or the same without `params/`). Flax's names are the common ones
here; kernels lie the same way in both.
"""

import re

from keras_kd.models.bit.published import UNITS, address_of, check_root
from keras_kd.models.layers import GroupNorm, StandardizedConv2D
from keras_kd.models.npz import assign, listed, mismatches, read_arrays

# A training checkpoint of big_vision holds these beside the weights, by its own design.
TRAINING_STATE = ("opt/", "extra/")
BIG_TRANSFER = (
    (r"resnet/root_block/standardized_conv2d(?:_\d+)?/kernel", "root_block/conv_root/kernel"),
    (r"resnet/(block\d+/unit\d+)/a/proj/.*kernel", r"\1/conv_proj/kernel"),
    (r"resnet/(block\d+/unit\d+)/([abc])/standardized_conv2d(?:_\d+)?/kernel", r"\1/conv\2/kernel"),
    (r"resnet/(block\d+/unit\d+)/([abc])/group_norm/gamma", r"\1/gn\2/scale"),
    (r"resnet/(block\d+/unit\d+)/([abc])/group_norm/beta", r"\1/gn\2/bias"),
    (r"resnet/group_norm/gamma", "norm-pre-head/scale"),
    (r"resnet/group_norm/beta", "norm-pre-head/bias"),
    (r"resnet/head/conv2d/(kernel|bias)", r"head/\1"),
)


def load_bit_npz(model, path, head=True):
    """Fills a BiT network with the arrays of a published `.npz` archive.

    Every array must find its weight, and every weight its array; until that is sure, the model
    keeps its own.

    Args:
        model: what `bit_resnet` built, with group norm, of the archive's depth and width.
        path: the `.npz` file, of big_transfer or of big_vision.
        head: load the classifier too. False leaves the model's own (zero where it is new), for
            another number of classes; the file may then hold a head or none.

    Returns:
        The model.

    Raises:
        ValueError: the file is missing, damaged, or holds pickled objects; it is of another
            depth, width or number of classes; or the arrays that did not match, by name.

    Papers: Kolesnikov et al. 2020, arXiv 1912.11370; Beyer et al. 2021, arXiv 2106.05237.
    """
    return _fill(model, _read(path), path, head)


def load_pretrained(model, path):
    """As `load_bit_npz`, with the classifier just where the file has as many classes as the model.

    Args:
        model: what `bit_resnet` built.
        path: the `.npz` file.

    Returns:
        The model.

    Raises:
        ValueError: see `load_bit_npz`.
    """
    arrays = _read(path)
    return _fill(model, arrays, path, head=_classes(arrays) == model.output_shape[-1])


def check_network(model, units, width, label):
    """Refuses a model of another depth, width or root than a published file, before it is fetched.

    Args:
        model: what `bit_resnet` built.
        units: the file's units a stage.
        width: the file's width multiplier.
        label: what the user named, for the error.

    Raises:
        ValueError: it is not of that depth, width and root, or not BiT.
    """
    variables = _variables(model)
    own = _architecture(variables)
    if own != (units, width):
        raise ValueError(
            f"these weights are for {_described(units, width)}. "
            f"Received: {label!r} for a network of {_described(*own)}. Build bit_resnet with these."
        )
    check_root(variables["root_block/conv_root/kernel"].shape[:3], label)


def _read(path):
    """The weights of an archive under Flax's names."""
    return _common_names(read_arrays(path, address_of(path)), path)


def _fill(model, arrays, path, head):
    wanted = _variables(model)
    _check_architecture(arrays, wanted, path)
    classes = _classes(arrays)
    if not head:
        wanted = {name: value for name, value in wanted.items() if not name.startswith("head/")}
        arrays = {name: value for name, value in arrays.items() if not name.startswith("head/")}
    elif classes not in (None, model.output_shape[-1]):
        raise ValueError(
            f"the file's classifier must have the model's {model.output_shape[-1]} classes. "
            f"Received: path={str(path)!r}, a file of {classes} classes. Pass head=False to keep "
            f"the model's own classifier, or build it with num_classes={classes}.{_or_fetch(path)}"
        )
    _check_all_used(arrays, wanted, path)
    assign(arrays, wanted)
    return model


def _classes(arrays):
    """Classes of the file's classifier, or None where it has none."""
    return arrays["head/bias"].size if "head/bias" in arrays else None


def _variables(model):
    """{common name: variable} of all weights of the model."""
    wanted = {}
    for layer in model.layers:
        if not layer.weights:
            continue
        name = _layer_name(layer.name)
        if isinstance(layer, StandardizedConv2D):
            wanted[f"{name}/kernel"] = layer.kernel
        elif isinstance(layer, GroupNorm):
            wanted |= {f"{name}/scale": layer.gamma, f"{name}/bias": layer.beta}
        elif layer.name == "logits":
            wanted |= {"head/kernel": layer.kernel, "head/bias": layer.bias}
        else:
            wanted = {}
            break
    if "norm-pre-head/scale" not in wanted:
        raise ValueError(
            "model must come from bit_resnet with norm='group', as the published ones are. "
            f"Received: model={model.name!r}. Build it with keras_kd.models.bit_resnet."
        )
    return wanted


def _layer_name(name):
    """What Flax calls a layer of ours: block1_unit01_norm1 -> block1/unit01/gn1."""
    name = {"root_conv": "root_block/conv_root", "stem": "root_block/conv_root"}.get(name, name)
    name = re.sub(r"^(block\d+)_(unit\d+)_", r"\1/\2/", name)
    name = name.replace("/norm", "/gn").replace("/proj", "/conv_proj")
    return "norm-pre-head" if name == "norm" else name


def _common_names(arrays, path):
    """The archive's weights under Flax's names, without a prefix."""
    for prefix in ("params/", "opt/target/"):
        if any(name.startswith(prefix) for name in arrays):
            names = {
                name: name.removeprefix(prefix)
                for name in arrays
                if name.startswith(prefix) or not name.startswith(TRAINING_STATE)
            }
            arrays = _renamed(arrays, names, path)
            break
    if "gn_root/scale" in arrays:
        raise ValueError(
            "the file must be of a pre-activation network, BiT as published. Received: "
            f"path={str(path)!r}, whose root is normalised ('gn_root'): big_vision's other, "
            "post-activation ResNet. Take a file that big_vision's `bit_paper` model reads."
        )
    return _renamed(arrays, {name: _from_big_transfer(name) for name in arrays}, path)


def _renamed(arrays, names, path):
    """The arrays under new names, `{old: new}`, of which no two may be the same."""
    common = {}
    for name, new in names.items():
        if new in common:
            raise ValueError(
                "every weight must have one array. Received: "
                f"path={str(path)!r}, with two arrays for {new!r}, one of them {name!r}."
            )
        common[new] = arrays[name]
    return common


def _from_big_transfer(name):
    for pattern, replacement in BIG_TRANSFER:
        if match := re.fullmatch(pattern, name):
            new = match.expand(replacement)
            return re.sub("/(conv|gn)([abc])/", lambda m: f"/{m[1]}{'abc'.index(m[2]) + 1}/", new)
    return name


def _architecture(arrays):
    """(units of each stage, width multiplier) of a network, by the names and shapes it has."""
    units = {}
    for name in arrays:
        if match := re.match(r"block(\d+)/unit(\d+)/", name):
            stage, unit = int(match[1]), int(match[2])
            units[stage] = max(units.get(stage, 0), unit)
    root = arrays.get("root_block/conv_root/kernel")
    width = root.shape[-1] / 64 if root is not None and len(root.shape) == 4 else None
    return tuple(units[stage] for stage in sorted(units)), width


def _described(units, width):
    depth = next((depth for depth, known in UNITS.items() if known == units), units)
    return f"depth={depth} and width={'unknown' if width is None else f'{width:g}'}"


def _check_architecture(arrays, wanted, path):
    file, model = _architecture(arrays), _architecture(wanted)
    if file[0] and file != model:
        raise ValueError(
            f"the file must be of the model's depth and width, {_described(*model)}. "
            f"Received: path={str(path)!r}, which seems to be of {_described(*file)}. "
            f"Build bit_resnet with these.{_or_fetch(path)}"
        )


def _or_fetch(path):
    """What else to do about a file of the cache, which a hand may have put there."""
    address = address_of(path)
    if not address:
        return ""
    return f" If the file is not what its name says, delete it: {address} is fetched again."


def _check_all_used(arrays, wanted, path):
    # Scales and offsets may lie as [1, 1, 1, C], the classifier as a 1x1 convolution.
    problems = mismatches(arrays, wanted)
    if problems:
        raise ValueError(
            "the archive must match the model array by array. "
            f"Received: path={str(path)!r}, {len(problems)} mismatches: {listed(problems)}."
            " Build the depth, width and root that the file holds, and pass head=False for other "
            f"classes; a file with values that are not finite is of no use.{_or_fetch(path)}"
        )
