"""Folders with a SavedModel."""

import json

import keras
import numpy as np
import pytest
from teacher_models import images, saved

from keras_kd.teachers import load


def test_saved_model_needs_a_range_or_its_own_record(tmp_path):
    with pytest.raises(ValueError, match=r"(?s)input_range must be given.*\(-1, 1\), \(0, 1\)"):
        load(saved(tmp_path / "a"), 3, (8, 8, 3))
    own = saved(tmp_path / "b", recorded=json.dumps({"input_range": [-1, 1]}))
    np.testing.assert_allclose(
        load(own, 3, (8, 8, 3))(images()), 2 * images().mean((1, 2)), atol=1e-5
    )
    broken = saved(tmp_path / "c", recorded="{")
    with pytest.raises(ValueError, match="must hold"):
        load(broken, 3, (8, 8, 3))


def test_our_own_export_is_a_teacher(tmp_path):
    """A student that was shipped may teach the next one; its folder tells its value range."""
    from keras_kd.export import to_saved_model

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    student = keras.Model(inputs, keras.layers.Dense(5)(x))
    to_saved_model(student, tmp_path / "saved", class_names=list("abcde"))
    teacher = load(str(tmp_path / "saved"), num_classes=5, input_shape=(8, 8, 3))
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(teacher(images), student(images), atol=1e-5)
