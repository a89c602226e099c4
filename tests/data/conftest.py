"""Sources that several tests read."""

import numpy as np
import pytest
from PIL import Image

from keras_kd.data import load_source


@pytest.fixture(scope="session")
def digits():
    return load_source("digits")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Forty smooth pictures of different sizes, JPEG and PNG; the blue channel is the example."""
    root = tmp_path_factory.mktemp("photos")
    for index in range(40):
        height, width = 40 + index, 75 - index
        y, x = np.mgrid[:height, :width]
        image = np.stack([y * 2, x * 2, np.full_like(x, index * 6)], -1).astype(np.uint8)
        folder = root / "train" / f"class{index % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        suffix = "jpg" if index % 3 else "png"
        options = {"quality": 98, "subsampling": 0} if suffix == "jpg" else {}
        Image.fromarray(image).save(folder / f"{index}.{suffix}", **options)
    return load_source(f"folder:{root}")
