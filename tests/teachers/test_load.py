"""Teachers from model objects and handles, and what no handle is."""

import numpy as np
import pytest
from teacher_models import images, saved, small

from keras_kd.models import resnet
from keras_kd.teachers import load


def test_model_object_is_frozen_and_unchanged():
    model = resnet(8, 0.5, 4, (8, 8, 3))
    x = images()
    before = model(x)
    teacher = load(model, num_classes=4, input_shape=(8, 8, 3))
    assert teacher is model and teacher.trainable_variables == []
    np.testing.assert_array_equal(teacher(x), before)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_input_range_is_converted(low, high, tmp_path):
    model, x = small(), images()
    pixels = (x.astype("float64") + 1) / 2 * (high - low) + low
    teacher = load(model, 4, (8, 8, 3), input_range=(low, high))
    np.testing.assert_allclose(teacher(x), model(pixels), rtol=1e-4, atol=1e-4)
    folder = saved(tmp_path / "m")
    teacher = load(folder, 3, (8, 8, 3), input_range=(low, high))
    np.testing.assert_allclose(teacher(x), 2 * pixels.mean((1, 2)), rtol=1e-4, atol=1e-4)


def test_handles_that_lead_nowhere(tmp_path):
    (tmp_path / "cut.keras").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "empty").mkdir()
    resnet(8, 0.5, 2, (8, 8, 3)).save(tmp_path / "good.keras")
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    cases = {
        str(tmp_path / "none.keras"): "which is not there",
        str(tmp_path / "cut.keras"): "whole Keras 3 archive",
        str(tmp_path / "other.keras"): "must load with keras.models.load_model",
        str(tmp_path / "empty"): "holds no saved_model.pb",
        "bit:R50x1-imagenet225": "must be one of R50x1-imagenet160.*mean 'R50x1-imagenet224'",
        "bits:R50x1-M": "unknown scheme 'bits:'",
        "https://example.com/model": "unknown scheme 'https:'",
        "": "handle must be a Keras model",
    }
    for handle, text in cases.items():
        with pytest.raises(ValueError, match=text):
            load(handle, 2, (8, 8, 3), input_range=(-1, 1))
    with pytest.raises(ValueError, match="Received: handle=3"):
        load(3)


def test_class_count():
    with pytest.raises(
        ValueError, match=r"(?s)7 in all.*4 outputs.*keras_kd\.models\.start_from\)"
    ):
        load(small(), num_classes=7)


def test_sizes_and_channels():
    with pytest.raises(ValueError, match=r"8x8 pixels.*\(16, 16, 3\)"):
        load(small(), 4, (16, 16, 3))
    with pytest.raises(ValueError, match=r"3 channels.*\(8, 8, 1\)"):
        load(small(), 4, (8, 8, 1))
    free = resnet(8, 0.5, 4, (None, None, 3))
    assert load(free, 4, (24, 16, 3)) is free


def test_bad_range_and_missing_shape(tmp_path):
    with pytest.raises(ValueError, match=r"Received: input_range=\(1, -1\)"):
        load(small(), input_range=(1, -1))
    with pytest.raises(ValueError, match="input_shape must be given"):
        load(saved(tmp_path / "m"), 3)


def test_an_argument_that_there_is_not():
    with pytest.raises(TypeError, match=r"activations='softmax'\. Did you mean 'activation'\?"):
        load("nothing.keras", 10, (8, 8, 1), activations="softmax")
