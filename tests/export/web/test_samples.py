"""Test images of the page: those on which its files differ come first."""

import numpy as np
from PIL import Image

from keras_kd.export.web import samples


def runner(change=()):
    """Answers the class that an image's first pixel tells, but another at the indices `change`."""
    seen = []

    def run(images):
        places = range(len(seen), len(seen) + len(images))
        seen.extend(images)
        pixels = np.round((images[:, 0, 0, 0] + 1) * 127.5).astype(int)
        return np.eye(200)[[pixel + (at in change) for pixel, at in zip(pixels, places)]]

    return run


def batches(count, size=7, labels=True):
    pixels = np.arange(count, dtype=np.float32)[:, None, None, None] / 127.5 - 1
    images = np.broadcast_to(pixels, (count, 4, 4, 3))
    for start in range(0, count, size):
        own = np.arange(start, min(start + size, count))
        yield images[own], own if labels else None


def test_those_that_differ_come_first_and_all_are_counted(tmp_path):
    differing = (3, 50, 99)
    found = samples.write_samples(tmp_path / "s", batches(100), [runner(), runner(differing)])
    assert (found["examples"], found["differing"]) == (100, 3)
    pictures = found["pictures"]
    assert len(pictures) == samples.MOST
    assert [one["label"] for one in pictures[:3]] == list(differing)
    assert [one["answers"] for one in pictures[:3]] == [[at, at + 1] for at in differing]
    assert all(one["answers"] == [one["label"]] * 2 for one in pictures[3:])
    others = [one["label"] for one in pictures[3:]]
    assert len(set(others)) == len(others) and others == sorted(others) and others[-1] > 70


def test_files_hold_the_pixels_that_were_answered(tmp_path):
    """Rounded to 8 bits before they are answered: a browser gets the very same numbers."""
    seen = []
    images = np.random.default_rng(0).uniform(-1, 1, (2, 5, 6, 3)).astype(np.float32)

    def run(given):
        seen.append(given)
        return np.eye(2)[[0, 1]]

    found = samples.write_samples(tmp_path / "s", [(images, None)], [run, run])
    assert [one["label"] for one in found["pictures"]] == [None, None]
    for nth, picture in enumerate(found["pictures"]):
        pixels = np.asarray(Image.open(tmp_path / picture["file"]), np.float32)
        np.testing.assert_allclose(seen[0][nth], pixels / 127.5 - 1, atol=1e-6)
        assert np.abs(seen[0][nth] - images[nth]).max() <= 0.5 / 127.5 + 1e-6


def test_grey_images_have_one_channel(tmp_path):
    grey = [(images[..., :1], labels) for images, labels in batches(3)]
    samples.write_samples(tmp_path / "s", grey, [runner(), runner()])
    assert Image.open(tmp_path / "s" / "2.png").mode == "L"


def test_many_that_differ_are_as_many_as_there_is_room_for(tmp_path):
    found = samples.write_samples(tmp_path / "s", batches(60), [runner(), runner(range(60))])
    assert found["differing"] == 60 and len(found["pictures"]) == samples.MOST
