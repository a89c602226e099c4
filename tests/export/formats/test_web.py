"""A folder with the student's files, their preparation, LiteRT.js, and a page."""

import json

import browser
import keras
import numpy as np
import pytest
from lite_interpreter import logits_of_file

from keras_kd.export import formats
from keras_kd.export.options import Options


@pytest.fixture
def written(exported):
    """(folder, facts) of the tiny network's page."""
    if reason := browser.without_page():
        pytest.skip(reason)
    return exported("web")


def test_images_go_in_as_floats(written, batch_norm_net, images):
    """LiteRT.js refuses int8 images, whatever the export's option says."""
    from ai_edge_litert.interpreter import Interpreter

    folder, _ = written
    models = json.loads((folder / "page.json").read_text())["models"]
    for model in models:
        (given,) = Interpreter(str(folder / model["file"])).get_input_details()
        assert given["dtype"] == np.float32
    expected = batch_norm_net(images, training=False).numpy()
    found = logits_of_file(folder / models[0]["file"], images)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_tells_what_its_bytes_are(written):
    _, facts = written
    assert 18e6 < facts["runtime_bytes"] < facts["bytes"] < 21e6
    told = formats.get("web").remarks({**facts, "differing": 3})
    assert any("LiteRT.js" in one for one in told) and any("float32" in one for one in told)
    assert (
        formats.get("web").remarks({**facts, "differing": 3})[-1].endswith("3 of the test images")
    )


def test_pictures_only(tmp_path):
    image = keras.Input((8, 8, 4))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    with pytest.raises(ValueError, match="a student of 4 channels"):
        formats.get("web").write(model, tmp_path / "web", options=Options())
    assert not list(tmp_path.iterdir())
