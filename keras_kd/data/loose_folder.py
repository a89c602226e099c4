"""A folder of images that nobody has sorted: further images to distil on."""

import os

from keras_kd.data.image_files import SUFFIXES, ImageFiles, existing_folder, is_image, is_there


class LooseFolder(ImageFiles):
    """All images below a folder, however deep; its sub-folders are no classes.

    Files are read in the order of their paths. The only split is `train`.

    Args:
        path: the folder.
        allow_bad: fraction of unreadable files that is accepted, in [0, 1].
        index_dir: folder that keeps the scans, or None.

    Attributes:
        folders: names of the sub-folders that hold images, for messages.

    Raises:
        FileNotFoundError: if the folder does not exist.
        ValueError: if no image lies below it.
    """

    def __init__(self, path, allow_bad=0.01, index_dir=None):
        path = existing_folder(path)
        files = list(_below(path))
        if not files:
            raise ValueError(
                f"A folder of unlabelled images must hold images ({', '.join(SUFFIXES)}), or "
                f"folders of them. Received: folder={path!r}, with none."
            )
        self.folders = sorted({os.path.dirname(file) for file in files} - {""})
        entries = {"train": [(file, 0) for file in files]}
        super().__init__(f"folder:{path}", path, ["unlabelled"], entries, allow_bad, index_dir)


def _below(path):
    """Paths of the image files below a folder, relative to it, in a fixed order."""
    # Links to folders are followed, as they are in a folder of classes; in a circle they would be
    # followed for ever.
    seen = set()
    for folder, inner, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        inner[:] = sorted(n for n in inner if not n.startswith(".")) if real not in seen else []
        if real in seen:
            continue
        seen.add(real)
        for name in sorted(names):
            file = os.path.join(folder, name)
            if is_image(name) and is_there(file):
                yield os.path.relpath(file, path).replace(os.sep, "/")
