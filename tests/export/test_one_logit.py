"""A student of one logit z leaves as two classes, [0, z], in every format."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.export import to_saved_model, to_tflite, verify


@pytest.fixture(scope="module")
def student():
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    return keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def truth(student, images):
    """(z, labels that the sign of z hits but for the first two)."""
    z = student(images).numpy().astype("float64")[:, 0]
    z_median = np.median(z)
    student.layers[-1].bias.assign_add([-z_median])  # both classes occur
    z = student(images).numpy().astype("float64")[:, 0]
    labels = (z > 0).astype(int)
    labels[:2] = 1 - labels[:2]
    return z, labels


def test_a_saved_model_knows_classes_and_probabilities(student, images, truth, tmp_path):
    z, labels = truth
    to_saved_model(student, tmp_path / "saved", class_names=["no", "yes"])
    serve = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    outputs = serve(image=tf.constant(images))
    np.testing.assert_allclose(outputs["logits"], np.stack([0 * z, z], -1), atol=1e-5)
    np.testing.assert_allclose(outputs["probabilities"][:, 1], 1 / (1 + np.exp(-z)), atol=1e-6)
    np.testing.assert_array_equal(outputs["class"], z > 0)
    names = [name.decode() for name in outputs["class_name"].numpy()]
    assert names == ["yes" if value > 0 else "no" for value in z]
    checked = verify(student, tmp_path / "saved", [(images, labels)])
    assert checked["accuracy"] == pytest.approx(1 - 2 / len(z))
    assert checked["agreement_with_keras"] == 1.0


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_a_tflite_file_too(student, images, truth, tmp_path, name):
    z, labels = truth
    path = tmp_path / "student.tflite"
    to_tflite(student, path, name, representative=[images])
    interpreter = tf.lite.Interpreter(str(path))
    assert list(interpreter.get_output_details()[0]["shape"]) == [1, 2]
    checked = verify(student, path, [(images, labels)])
    sure = np.abs(z) > np.abs(z).max() / 20  # int8 may turn the others
    assert checked["agreement_with_keras"] >= (1.0 if name == "float32" else sure.mean())
    assert (name != "float32") or checked["accuracy"] == pytest.approx(1 - 2 / len(z))
