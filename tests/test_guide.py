"""The recipe of the guide runs as it stands, and gives the student's class."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from keras_kd.export import to_tflite

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide.md"


def recipe():
    between = re.search(r"<!-- recipe: begin -->(.*?)<!-- recipe: end -->", GUIDE.read_text(), re.S)
    return re.search(r"```python\n(.*?)```", between[1], re.S)[1]


def test_the_recipe_by_hand_gives_the_students_class(tmp_path):
    """A student that names the colour of the central square, and pictures of one colour each."""
    image = keras.Input((8, 8, 3))
    logits = keras.layers.Dense(3, use_bias=False)
    mean = keras.layers.GlobalAveragePooling2D()(image)
    student = keras.Model(image, logits(mean))
    logits.set_weights([np.eye(3, dtype=np.float32)])
    names = ["red", "green", "blue"]
    to_tflite(student, tmp_path / "student_float32.tflite", class_names=names)
    code = recipe()
    assert len(code.splitlines()) < 20
    for colour, name in enumerate(names):
        pixels = np.zeros((40, 64, 3), np.uint8)
        pixels[:, :, (colour + 1) % 3] = 255  # what the crop leaves out is of another class
        pixels[3:37, 15:49] = 255 * np.eye(3, dtype=np.uint8)[colour]
        Image.fromarray(pixels).save(tmp_path / "photo.jpg", quality=95)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ},
        )  # fmt: skip
        assert done.stdout.split() == [name], done.stderr
