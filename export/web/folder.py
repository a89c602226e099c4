"""What stands in the page's folder beside the student and LiteRT.js."""

import json
import shutil
from pathlib import Path

from keras_kd.export.card import CHANNELS, LABELS, PREPROCESS
from keras_kd.export.runners import LiteRunner
from keras_kd.export.web.samples import write_samples
from keras_kd.utils.files import write_json

PAGE = Path(__file__).with_name("page")  # its HTML, CSS and modules
FACTS, MODELS, SAMPLES = "page.json", "models", "samples"


def check_channels(shape):
    """Refuses images that are no pictures.

    Args:
        shape: (height, width, channels).

    Raises:
        ValueError: neither 1 nor 3 channels.
    """
    if shape[-1] not in CHANNELS:
        raise ValueError(
            "A page in a browser shows pictures of 1 or 3 channels. Received: a student of "
            f"{shape[-1]} channels. Leave the format web out."
        )


def fill(folder, files, images, name):
    """Writes the page, some test images and `page.json`, which the page reads.

    Args:
        folder: `pathlib.Path` with the student's files in `models/`.
        files: dict: format's name -> name of its file there, in the order of the page.
        images: the test images, as for `write_samples`.
        name: of the student.

    Returns:
        dict as of `write_samples`.
    """
    models = folder / MODELS
    samples = write_samples(
        folder / SAMPLES, images, [LiteRunner(models / file) for file in files.values()]
    )
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    facts = {
        "name": name or "image classifier",
        "labels": (models / LABELS).read_text(encoding="utf-8").splitlines(),
        "preparation": json.loads((models / PREPROCESS).read_text(encoding="utf-8")),
        "models": [
            {"name": one, "file": f"{MODELS}/{file}", "bytes": (models / file).stat().st_size}
            for one, file in files.items()
        ],
        "samples": samples,
    }
    write_json(folder / FACTS, facts)
    return samples
