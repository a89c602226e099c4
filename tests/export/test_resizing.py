"""Answers under other ways to resize: images made so that it is known what each way sees."""

import types

import keras
import numpy as np
from image_files import class_folder

from keras_kd.data import Source, evaluation_dataset, load_source
from keras_kd.data.examples import ArrayStore, Examples
from keras_kd.export.resizing import compare_resizing

SIDE = 16


class Striped(Source):
    """Stripes and even images of 48 px."""

    def __init__(self):
        super().__init__("striped", ["dark", "light"], 3, {"test": 4})

    def _examples(self, parts, what):
        stripes = np.zeros((48, 48, 3), np.uint8)
        stripes[1::3, 1::3] = 255  # the very pixels that lie at the centres of 16 px
        light, dark = (np.full((48, 48, 3), value, np.uint8) for value in (200, 20))
        return Examples(
            labels=np.array([1, 1, 0, 0], np.int32),
            sizes=np.full((4, 2), 48, np.int32),
            ids=np.arange(4),
            channels=3,
            store=ArrayStore(np.stack([stripes, light, dark, light])),
        )


def mean_student():
    """A student that tells light from dark by the mean."""
    image = keras.Input((SIDE, SIDE, 3))
    logits = keras.layers.Dense(2, use_bias=False)
    student = keras.Model(image, logits(keras.layers.GlobalAveragePooling2D()(image)))
    logits.set_weights([np.array([[-1, 1]] * 3, np.float32)])
    return student


def test_what_falls_between_pixels_shows():
    """Without smoothing the stripes are white; Pillow sees a ninth of it and calls them dark."""

    def evaluation_images(source, split, resize):
        return evaluation_dataset(source, split, 3, SIDE, full_image=True, resize=resize)

    run = types.SimpleNamespace(evaluation_images=evaluation_images)
    material = types.SimpleNamespace(
        source=Striped(), split="test", student=mean_student(), run=run, resize="bilinear"
    )
    found = compare_resizing(material)
    assert found["examples"] == 4
    told = {kind["name"].split(" (")[0]: kind for kind in found["kinds"]}
    first = told.pop("TensorFlow bilinear, as evaluated")
    assert first["agreement"] == 1.0 and first["accuracy"] == 3 / 4
    assert set(told) == {"Pillow bilinear", "Pillow bicubic"}
    for kind in told.values():
        assert kind["agreement"] == 3 / 4 and kind["accuracy"] == 2 / 4


def test_photographs_in_files_are_compared_too(tmp_path):
    """Encoded images of many sizes, whose batches are put together group by group."""
    class_folder(tmp_path, count=25, suffix="jpg")
    source = load_source(f"folder:{tmp_path}")

    def evaluation_images(source, split, resize):
        return evaluation_dataset(source, split, 40, SIDE, resize=resize)

    material = types.SimpleNamespace(
        source=source,
        split="train",
        student=mean_student(),
        run=types.SimpleNamespace(evaluation_images=evaluation_images),
        resize="bicubic_antialias",
    )
    found = compare_resizing(material)
    assert found["kinds"][0]["name"] == "TensorFlow bicubic antialias, as evaluated"
    assert found["kinds"][0]["agreement"] == 1.0 and len(found["kinds"]) == 4
    assert "evaluated" not in found["kinds"][1]["name"]
    assert found["examples"] == 40 and min(one["agreement"] for one in found["kinds"]) > 0.9
