"""How benchmarks/mediapipe_classifier.py counts, and what it asks in the other environment."""

import ast

import mediapipe_classifier
import numpy as np
import pytest
from PIL import Image


def test_the_share_of_photographs_with_the_served_class():
    assert mediapipe_classifier.share(["a", "b", "c", "d"], ["a", "b", "x", "d"]) == 0.75


def test_what_is_asked_there_is_python_and_needs_nothing_of_ours():
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(mediapipe_classifier.ASK))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module)])
    }
    assert names == {"json", "sys", "mediapipe"}


def test_regions_are_shares_of_the_image_and_moved_to_the_middle_of_pixels():
    plain = mediapipe_classifier.region((10, 20, 60, 60), (100, 200))
    assert plain == {"left": 0.1, "top": 0.1, "right": 0.4, "bottom": 0.7}
    # Of 3 pixels that become one, the middle one lies a pixel behind the corner.
    moved = mediapipe_classifier.moved_region((10, 20, 60, 60), (100, 200), 20)
    assert moved == {"left": 0.105, "top": 0.11, "right": 0.405, "bottom": 0.71}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_images_that_lie_on_their_side_are_shown_upright(tmp_path, kind):
    """As a phone stores them: to be turned clockwise, red is above and the picture is high."""
    upright = np.zeros((32, 16, 3), np.uint8)
    upright[:16, :, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path, plain = str(tmp_path / "lying.jpg"), str(tmp_path / "plain.jpg")
    Image.fromarray(np.rot90(upright, 1)).save(path, kind, exif=exif)
    Image.fromarray(upright).save(plain, kind)
    with Image.open(mediapipe_classifier.upright(path)) as shown:
        assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - upright).mean() < 3
        assert 0x0112 not in shown.getexif()
    assert mediapipe_classifier.upright(plain) == plain


def test_a_run_must_be_named():
    with pytest.raises(SystemExit):
        mediapipe_classifier.main([])
