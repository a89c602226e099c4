"""A folder as TensorFlow Serving watches it: a model's name, and in it a folder a version."""

import shutil
from pathlib import Path

from keras_kd.utils.files import replace_folder

NAME = "student"


def add_version(saved_model, folder):
    """Copies a SavedModel as the next version of `folder/student`.

    Args:
        saved_model: path of the SavedModel.
        folder: where models are served from, what `--model_base_path` names without the name.

    Returns:
        `Path` of the version: 1 for the first.
    """
    models = Path(folder) / NAME
    versions = [int(path.name) for path in models.glob("*") if path.name.isdigit()]
    target = models / str(max(versions, default=0) + 1)
    models.mkdir(parents=True, exist_ok=True)
    # A server must never see half a version.
    with replace_folder(target) as fresh:
        shutil.copytree(saved_model, fresh, dirs_exist_ok=True)
    return target
