"""Test images that the page holds: first those that its two files answer differently."""

import numpy as np
from PIL import Image

MOST = 24  # images of the page, of which those that differ may be all
SCALE, OFFSET = np.float32(1 / 127.5), np.float32(-1)


def write_samples(folder, images, runners):
    """Runs files on the test images, and writes some of these as PNG.

    The images are those that the network saw: cut, resized, and rounded to 8 bits a channel, so
    that a browser finds the very same answers.

    Args:
        folder: `pathlib.Path`, made here, for `0.png` and so on.
        images: iterable of (float32 `[B, H, W, C]` in [-1, 1] with C of 1 or 3, int labels `[B]`
            or None).
        runners: two functions of such images to answers `[B, K]`.

    Returns:
        dict: `examples`, how many images there are; `differing`, on how many the classes differ;
        `pictures`, a list of dicts: `file`, `label` (an int or None) and `answers`, the class by
        each of the runners.
    """
    kept, others, count, differing = [], _Spread(MOST), 0, 0
    for batch, labels in images:
        batch = np.clip(np.round((np.asarray(batch) + 1) * 127.5), 0, 255).astype(np.uint8)
        labels = [None] * len(batch) if labels is None else np.asarray(labels).tolist()
        seen = batch * SCALE + OFFSET
        answers = np.stack([runner(seen).argmax(-1) for runner in runners], axis=-1)
        for image, label, answer in zip(batch, labels, answers.tolist()):
            count += 1
            if len(set(answer)) > 1:
                differing += 1
                kept.append((image, label, answer)) if len(kept) < MOST else None
            else:
                others.offer((image, label, answer))
    folder.mkdir(parents=True)
    chosen = [*kept, *others.kept[: MOST - len(kept)]]
    pictures = [
        {"file": _write(folder / f"{index}.png", image), "label": label, "answers": answer}
        for index, (image, label, answer) in enumerate(chosen)
    ]
    return {"examples": count, "differing": differing, "pictures": pictures}


class _Spread:
    """Some of many things, evenly spread over all that came, however many come."""

    def __init__(self, most):
        self.kept, self.most, self.stride, self.count = [], most, 1, 0

    def offer(self, thing):
        if self.count % self.stride == 0:
            self.kept.append(thing)
            if len(self.kept) == 2 * self.most:
                self.kept, self.stride = self.kept[::2], 2 * self.stride
        self.count += 1


def _write(path, image):
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)
    return f"{path.parent.name}/{path.name}"
