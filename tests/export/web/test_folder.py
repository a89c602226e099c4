"""What stands in the page's folder beside the student and LiteRT.js."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from keras_kd.export import to_tflite
from keras_kd.export.web import folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory, batch_norm_net, images):
    place = tmp_path_factory.mktemp("page")
    files = {"float32": "a.tflite", "float16": "b.tflite"}
    names = ["tench", "<b>", "göteborg & co"]
    for name, file in files.items():
        to_tflite(batch_norm_net, place / "models" / file, name, class_names=names)
    folder.fill(place, files, [(images, np.zeros(len(images), int))], "mine")
    return place


def test_the_facts_name_files_that_are_there(filled):
    facts = json.loads((filled / "page.json").read_text(encoding="utf-8"))
    assert facts["name"] == "mine" and facts["labels"] == ["tench", "<b>", "göteborg & co"]
    assert facts["preparation"]["crop"]["box"] == "central_square"
    assert [one["name"] for one in facts["models"]] == ["float32", "float16"]
    for model in facts["models"]:
        assert (filled / model["file"]).stat().st_size == model["bytes"]
    assert facts["samples"]["examples"] == 16
    assert all((filled / one["file"]).is_file() for one in facts["samples"]["pictures"])


def test_the_page_asks_nobody_else():
    """No address of elsewhere in what we wrote but that of the server that a reader may start."""
    for path in folder.PAGE.iterdir():
        found = re.findall(r"(?:https?:)?//[\w.-]+\.?[\w:]+", _code(path))
        assert path.name == "LICENSE.txt" or set(found) <= {"http://localhost:8000"}, (path, found)


def _code(path):
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^\s*//.*|\s// .*", "", text, flags=re.M) if path.suffix == ".js" else text


def test_every_part_of_the_page_is_in_it():
    page = (folder.PAGE / "index.html").read_text()
    for path in folder.PAGE.glob("*.js"):
        asked = re.findall(r'from "\./([\w.]+)"|src="([\w.]+\.js)"', path.read_text() + page)
        assert all((folder.PAGE / (one or other)).is_file() for one, other in asked)
    for name in ("page.css", "page.js", "LICENSE.txt"):
        assert name in page and (folder.PAGE / name).is_file()


def test_the_map_of_modules_is_the_only_script_within_the_page():
    """A browser that keeps to the page's policy runs it by its hash, and nothing else."""
    page = (folder.PAGE / "index.html").read_text()
    (within,) = re.findall(r"<script(?![^>]*src)[^>]*>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(within.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page and "unsafe-inline" not in page


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_refused(channels):
    with pytest.raises(ValueError, match=f"a student of {channels} channels"):
        folder.check_channels((8, 8, channels))
