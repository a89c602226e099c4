"""What a finished run gives to its exports."""

import json

import numpy as np

from keras_kd.data import evaluation_dataset
from keras_kd.export.material import Material


def test_images_answers_and_names_are_the_runs(finished_run, student_of_run):
    material = Material(finished_run)
    (images, labels), *_ = material.test_images
    expected, classes = next(iter(evaluation_dataset("digits", "test", 64, 12)))
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, classes)
    logits, labels = material.answers
    assert logits.shape == (500, 10) and labels.shape == (500,)
    np.testing.assert_allclose(logits[:64], student_of_run(expected, training=False), atol=1e-5)
    assert material.class_names == [str(digit) for digit in range(10)]
    assert material.resolution == 12 and material.full_image is False


def test_calibration_images_are_of_the_training_split(finished_run, student_of_run):
    material = Material(finished_run)
    given = np.concatenate(list(material.calibration_images))
    assert given.shape == (20, 12, 12, 1)
    train, _ = next(iter(evaluation_dataset("digits", "train", 1297, 12)))
    rows = np.linspace(0, 1296, 20).round().astype(int)
    np.testing.assert_array_equal(given, train.numpy()[rows])
    assert len(list(material.calibration_images)) > 0  # more than once


def test_a_student_beside_a_larger_teacher_sees_its_own_view(finished_run, student_of_run):
    path = finished_run / "config.json"
    config = json.loads(path.read_text())
    config["data"]["teacher_resolution"] = 16
    path.write_text(json.dumps(config))
    (images, _), *_ = Material(finished_run).test_images
    assert images.shape == (64, 12, 12, 1)
