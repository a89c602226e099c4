"""TF-Hub modules, by handle and from a folder."""

import numpy as np
import pytest
from teacher_models import images, saved

from keras_kd.teachers import load


def test_hub_handle_takes_zero_to_one_by_default(tmp_path):
    teacher = load(f"hub:{saved(tmp_path / 'm')}", 3, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), images().mean((1, 2)) + 1, atol=1e-5)


def test_unreachable_hub_handle_is_one_readable_error():
    with pytest.raises(ConnectionError, match=r"(?s)cannot be fetched.*hub.invalid.*local copy"):
        load("hub:https://hub.invalid/module/1", 3, (8, 8, 3))
