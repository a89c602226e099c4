"""Writes batches.json: digests of batches as the pipeline made them before views were lists of ops.

In a checkout of commit ae4715b, with its own environment:

    PYTHONPATH=. python make_batches.py photos batches.json

Tests only read the file, and make the same batches anew. `photos` holds twelve JPEG images of
1.1 to 2.5 kB, drawn by `draw`; they are kept, since another encoder would write other bytes.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

MODES = (
    "fix/rs", "fix/cc", "fix/ic_ens", "same/rc", "same/ic", "ind/rc", "ind/ic",
    "mix", "mix/rc", "same/sc", "mix/sc",
)  # fmt: skip
EVERYTHING = {
    "seed": 7, "start_step": 5, "teacher_resolution": 9, "one_hot": True, "with_ids": True,
    "crop_area": (0.2, 0.9), "crop_aspect": (0.5, 1.5), "rc_scale": 1.25, "mixup_alpha": 0.3,
}  # fmt: skip


def draw(folder):
    """Twelve smooth pictures with some noise, of different sizes and shapes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for index in range(12):
        height, width = 24 + 3 * index, 60 - 3 * index
        y, x = np.mgrid[:height, :width]
        image = np.stack([y * 4, x * 4, np.full_like(x, index * 20)], -1)
        image = (image + rng.integers(-20, 20, image.shape)).clip(0, 255).astype(np.uint8)
        path = Path(folder) / "train" / f"class{index % 4}" / f"{index:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=85)


def cases(photos):
    """Name of a case -> function without arguments that gives arrays.

    Args:
        photos: folder of the JPEG images.
    """
    from keras_kd.data import FixedViews, build_dataset, evaluation_dataset, load_source
    from keras_kd.data.preview import first_batch

    digits, folder = load_source("digits"), load_source(f"folder:{photos}")

    def train(source, *args, steps=2, **options):
        return lambda: list(build_dataset(source, "train", *args, **options).take(steps))

    def fixed(mode, **options):
        seen = FixedViews(folder, "train", mode, 7, crops=3, **options)
        return lambda: [seen.at([5, 0, 5], [0, 0, 0]), *seen.stream(8)]

    def sheet(mode, **options):
        return lambda: first_batch(folder, "train", mode, 8, 6, 2, 3, **options)

    def held_out(source, split, *args, **options):
        return lambda: list(evaluation_dataset(source, split, *args, **options))

    found = {}
    for mode in MODES:
        found[f"digits {mode}"] = train(digits, mode, 6, 8)
        found[f"photos {mode}, everything set"] = train(folder, mode, 6, 7, **EVERYTHING)
        found[f"photos {mode}"] = train(folder, mode, 5, 8, 3, 10**6, steps=1)
    for mode in ("mix", "ind/rc", "fix/cc"):
        share = {"worker_index": 1, "num_workers": 3, "with_ids": True}
        found[f"photos {mode}, second of three workers"] = train(folder, mode, 12, 6, **share)
        found[f"photos {mode}, no flip"] = train(folder, mode, 6, 6, flip=False)
        found[f"digits {mode}, groups"] = train(digits, mode, 130, 4, 1, steps=1, one_hot=True)
    for mode in ("same/ic", "ind/ic", "mix"):
        options = {"teacher_view": False, "teacher_resolution": 5, "with_ids": True}
        found[f"photos {mode}, without the teacher's view"] = train(folder, mode, 6, 6, **options)
    found["digits mix, counted"] = train(digits, "mix", 4, 8, num_steps=2, by_step=True)
    for mode in ("fix/rs", "fix/cc", "fix/ic_ens"):
        found[f"views of {mode}"] = fixed(mode, seed=4)
        found[f"preview {mode}"] = sheet(mode, teacher_resolution=5)
    options = {"seed": 4, "flip": False, "crop_area": (0.3, 0.6), "rc_scale": 1.5}
    found["views of fix/ic_ens, all set"] = fixed("fix/ic_ens", crop_aspect=(0.4, 2), **options)
    found["views of fix/cc, all set"] = fixed("fix/cc", **options)
    for mode in ("mix", "ind/ic"):
        found[f"preview {mode}"] = sheet(mode, mixup_alpha=0.5)
    found["evaluation"] = held_out(digits, "test[:70]", 66, 8)
    found["evaluation, photos"] = held_out(folder, "train", 5, 8, teacher_resolution=6)
    found["evaluation, scale"] = held_out(folder, "train", 5, 8, with_ids=True, scale=1.5)
    found["evaluation, whole images"] = held_out(folder, "train", 12, 8, full_image=True)
    found["evaluation, filled up"] = held_out(folder, "train", 5, 8, fill_to=2)
    return found


def digest(arrays):
    """Hash of structure, types, shapes and values."""
    sha = hashlib.sha256()

    def add(value):
        if isinstance(value, dict):
            value = sorted(value.items())
        if isinstance(value, list | tuple):
            sha.update(b"(")
            for part in value:
                add(part)
            return sha.update(b")")
        if value is None:
            return sha.update(b"none")
        value = np.asarray(value)
        sha.update(f"{value.dtype.kind}{value.dtype.itemsize}{value.shape}".encode())
        sha.update(np.ascontiguousarray(value).tobytes())

    add(arrays)
    return sha.hexdigest()[:16]


def main(photos, output):
    """Draws the images where there are none, and writes the digests."""
    if not Path(photos).exists():
        draw(photos)
    digests = {name: digest(make()) for name, make in cases(photos).items()}
    Path(output).write_text(json.dumps(digests, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
