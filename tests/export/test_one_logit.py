"""A student of one logit z leaves as two classes, [0, z], in every format."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import EVAL_SCALE
from keras_kd.export import formats, to_saved_model, verify
from keras_kd.export.measure import compare
from keras_kd.export.options import Options
from keras_kd.export.runners import SavedModelRunner

OTHERS = {"scale": EVAL_SCALE, "exif": "ignore", "view": "", "run_name": "", "options": Options()}
OTHERS["resize"] = "bilinear"


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
    checked = compare(student, SavedModelRunner(tmp_path / "saved"), [(images, labels)])
    assert checked["accuracy"] == pytest.approx(1 - 2 / len(z))
    assert checked["agreement_with_keras"] == 1.0


# The page of `web` holds files of other formats, and needs npm.
@pytest.mark.parametrize("name", [name for name in formats.found() if name != "web"])
def test_so_does_every_format(student, images, truth, tmp_path, name):
    z, labels = truth
    kind = formats.get(name)
    material = {"calibration_images": [images], "class_names": None, "full_image": False}
    material = {need: {**material, **OTHERS}[need] for need in kind.needs}
    path = tmp_path / kind.file_name
    kind.write(student, path, **material)
    answers = kind.open(path)(images)
    assert answers.shape == (len(z), 2)
    np.testing.assert_allclose(answers[:, 0], 0, atol=0.02 * np.abs(z).max())
    checked = verify(student, path, [(images, labels)])
    sure = np.abs(z) > np.abs(z).max() / 20  # integers may turn the others
    assert checked["agreement_with_keras"] >= sure.mean()
    if kind.is_reference:
        assert checked["accuracy"] == pytest.approx(1 - 2 / len(z))
