"""The public BiT weights by name, and how to fetch one.

Pre-trained networks, and the teachers and students of Beyer et al. 2021, arXiv 2106.05237.
"""

from pathlib import Path
from typing import NamedTuple

from keras_kd.models.download import fetch, place
from keras_kd.utils.names import nearest

UNITS = {26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class Published(NamedTuple):
    """A public file: its address, its network, and the side in pixels it was trained at."""

    address: str
    depth: int
    width: int
    num_classes: int
    resolution: int


CACHE = "keras_kd/bit"  # in Keras's folder
ROOT = (7, 7, 3)  # side and channels of the root's kernel in all published files
BUCKET = "https://storage.googleapis.com/bit_models"
SIZES = ((50, 1), (50, 3), (101, 1), (101, 3), (152, 2), (152, 4))
PUBLISHED = {
    # Beyer et al. 2021: two students, then the teachers, fine-tuned from BiT-M.
    "R50x1-imagenet160": Published(f"{BUCKET}/distill/R50x1_160.npz", 50, 1, 1000, 160),
    "R50x1-imagenet224": Published(f"{BUCKET}/distill/R50x1_224.npz", 50, 1, 1000, 224),
    "R152x2-imagenet224": Published(f"{BUCKET}/distill/R152x2_T_224.npz", 152, 2, 1000, 224),
    "R152x2-imagenet384": Published(f"{BUCKET}/distill/R152x2_T_384.npz", 152, 2, 1000, 384),
    "R152x2-flowers128": Published(f"{BUCKET}/distill/R152x2_T_flowers128.npz", 152, 2, 102, 128),
    "R152x2-pets128": Published(f"{BUCKET}/distill/R152x2_T_pet128.npz", 152, 2, 37, 128),
    "R152x2-food128": Published(f"{BUCKET}/distill/R152x2_T_food128.npz", 152, 2, 101, 128),
    "R152x2-sun128": Published(f"{BUCKET}/distill/R152x2_T_sun128.npz", 152, 2, 397, 128),
}
# Kolesnikov et al. 2020: S saw ImageNet, M saw ImageNet-21k, and M-ILSVRC2012 both in turn.
for _kind, _suffix, _classes, _side in (
    ("S", "", 1000, 224),
    ("M", "", 21843, 224),
    ("M", "-ILSVRC2012", 1000, 480),
):
    for _depth, _width in SIZES:
        _size = f"R{_depth}x{_width}"
        PUBLISHED[f"{_size}-{_kind}{_suffix}"] = Published(
            f"{BUCKET}/BiT-{_kind}-{_size}{_suffix}.npz", _depth, _width, _classes, _side
        )


def published(name):
    """The entry of `PUBLISHED`.

    Raises:
        ValueError: no such name; tells the names and the nearest.
    """
    if name not in PUBLISHED:
        raise ValueError(
            f"published BiT weights must be one of {', '.join(PUBLISHED)}, or an .npz file. "
            f"Received: {name!r}.{nearest(name, PUBLISHED)}"
        )
    return PUBLISHED[name]


def bit_file(name):
    """Fetches the file of a name of `PUBLISHED` where the cache lacks it.

    Args:
        name: such as "R152x2-flowers128".

    Returns:
        `pathlib.Path` of the `.npz` file, in `keras_kd/bit` of Keras's folder (`$KERAS_HOME`, or
        `.keras` in the home folder).

    Raises:
        ValueError: no such name.
        ConnectionError: the file cannot be fetched; says which to put where.
    """
    address = published(name).address
    # Two files of the bucket may end alike, so the cache knows them by the names of the table.
    return fetch(address, f"{name}.npz", CACHE)


def address_of(path):
    """The address that a file of the cache was, or would be, fetched from; "" for other files."""
    path = Path(path).absolute()
    if path.stem not in PUBLISHED or path != place(path.name, CACHE).absolute():
        return ""
    return PUBLISHED[path.stem].address


def check_root(root, label):
    """Refuses a network whose first convolution no published file fills, before one is fetched.

    Args:
        root: (height, width, input channels) of the network's first kernel.
        label: what the user named, for the error.

    Raises:
        ValueError: another side (`small_root`) or other channels.
    """
    if tuple(root) != ROOT:
        raise ValueError(
            "published BiT weights have a root of 7x7 for images of 3 channels. Received: "
            f"{label!r} for a network with a root of {root[0]}x{root[1]} for {root[2]} channels. "
            "Build bit_resnet without small_root and for colour images, or start without weights."
        )


def stage_units(depth):
    """Units of each stage, of a depth as `bit_resnet` takes it."""
    if isinstance(depth, (tuple, list)):
        if depth and all(type(n) is int and n >= 1 for n in depth):
            return tuple(depth)
    elif depth in UNITS and not isinstance(depth, bool):
        return UNITS[depth]
    raise ValueError(
        f"depth must be one of {tuple(UNITS)} or a tuple of at least one unit per stage. "
        f"Received: depth={depth!r}. Write for example depth=(1, 1, 1, 1) for a tiny one."
    )
