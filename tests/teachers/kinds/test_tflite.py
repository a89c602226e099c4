"""TFLite files as teachers: float ones are asked what they expect, quantised ones say it."""

import numpy as np
import pytest
import tensorflow as tf
from teacher_models import images
from tflite_files import network, write

from keras_kd.teachers import freeze, load
from keras_kd.teachers.prepare import usual_range


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("lite"), network()
    return model, {
        "float": write(folder / "float.tflite", model, batch=1),
        "uint8": write(folder / "uint8.tflite", model, tf.uint8),
    }


def test_a_float_file(files):
    model, paths = files
    with pytest.raises(ValueError, match=r"must be told: .*Give input_range"):
        load(paths["float"], 4, (8, 8, 3))
    for handle in (paths["float"], f"tflite:{paths['float']}"):
        teacher = load(handle, 4, input_range=(-1, 1))
        assert teacher.input_shape == (None, 8, 8, 3)
        np.testing.assert_allclose(teacher(images()), model(images()), atol=1e-4)
    shifted = load(handle, 4, input_range=(0, 1))
    np.testing.assert_allclose(shifted(images()), model((images() + 1) / 2), atol=1e-4)


def test_our_own_export_says_what_it_expects(files, tmp_path):
    """A student on a phone may teach the next one."""
    from keras_kd.export import to_tflite

    model, _ = files
    to_tflite(model, tmp_path / "ours.tflite")
    teacher = load(str(tmp_path / "ours.tflite"), 4, (8, 8, 3))
    np.testing.assert_allclose(teacher(images()), model(images()), atol=1e-4)


def test_a_quantised_file_knows_its_pixels(files):
    model, paths = files
    teacher = load(paths["uint8"], 4, (8, 8, 3))
    expected = model(images()).numpy()
    np.testing.assert_allclose(teacher(images()), expected, atol=0.05 * np.ptp(expected))
    frozen = freeze(teacher, batch_size=2)
    assert frozen.engine == "graph"
    np.testing.assert_allclose(frozen(images()), teacher(images()), atol=1e-6)


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        ((-0.996, 1.004), (-1, 1)),
        ((0.0, 0.996), (0, 1)),
        ((0.0, 255.0), (0, 255)),
        ((-2.1, 2.6), None),  # behind ImageNet's normalisation
        ((-128.0, 127.0), None),
        (None, None),
    ],
)
def test_numbers_that_stand_for_no_usual_range_tell_nothing(reach, expected):
    assert usual_range(reach) == expected


def test_sizes_that_do_not_fit(files):
    _, paths = files
    with pytest.raises(ValueError, match=r"8x8 pixels.*\(16, 16, 3\)"):
        load(paths["float"], 4, (16, 16, 3), input_range=(-1, 1))
