"""A folder of photographs, a student for a phone, in so many minutes: one command.

Task: `PATH/CLASS/*.jpg`, or `PATH/SPLIT/CLASS/*.jpg` with train, and test or validation.
Teacher: `teacher=FILE` or handle; else fine-tuned here from `weights=FILE` or handle, an
    efficientnet_lite*.npz that lies beside the images, or weights that Keras has fetched before;
    else a network that starts from nothing.
Student: chosen, as all lengths, by timed steps on this machine, see keras_kd/run/budget; where the
    time is long enough it learns by function matching (Beyer et al. 2021, arXiv 2106.05237).
Command: keras-kd-train --config=configs/photos.py:PATH,minutes=60 --workdir=DIR
Expected result: docs/guide.md, "My images"; about as many minutes as asked for.
"""

from keras_kd.config import base, stage
from keras_kd.configs import words_of

WORDS = ("minutes", "teacher", "unlabelled", "weights")
MINUTES = 60.0


def get_config(argument="photos"):
    """The config of `PATH[,teacher=FILE][,minutes=60][,weights=FILE][,unlabelled=PATH]`."""
    path, given = read(argument)
    config = base()
    config.name = "photos"
    config.data.source = f"folder:{path}"
    config.data.crop_area = (0.2, 1.0)
    config.data.resize = "mixed"  # phones and scripts each resize in their own way
    config.budget.minutes = minutes(given.get("minutes", MINUTES))
    config.budget.weights = given.get("weights", "")
    config.teacher.handle = given.get("teacher", "")
    config.teacher.train = stage(mode="same/ic")
    config.baseline.mode = "same/ic"
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    if "unlabelled" in given:
        config.data.unlabelled = f"folder:{given['unlabelled']}"
    return config


def read(argument):
    """(path, dict of word -> text) of the argument.

    Raises:
        ValueError: no path, or a word that there is not.
    """
    path, *parts = (part.strip() for part in argument.split(","))
    if not path or "=" in path.partition("/")[0]:
        raise ValueError(
            "the config's argument must begin with the folder of the images, as in "
            f"configs/photos.py:PATH,minutes=60. Received: {argument!r}."
        )
    return path, words_of(parts, WORDS, "the folder", argument)


def minutes(text):
    """A number of minutes above 0.

    Raises:
        ValueError: no such number.
    """
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise ValueError(f"minutes must be a number above 0. Received: minutes={text}.")
    return found
