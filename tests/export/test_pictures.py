"""Facts read from the predictions."""

import numpy as np

from keras_kd.export import pictures


def test_the_surest_disagreements_come_first():
    teacher = np.array([[0.6, 0.4], [0.9, 0.1], [0.99, 0.01], [0.2, 0.8]])
    student = np.array([[0.1, 0.9], [0.2, 0.8], [0.99, 0.01], [0.7, 0.3]])
    # Products of the two top probabilities: 0.54, 0.72, (agree), 0.56.
    order, total = pictures.disagreements({"teacher": teacher, "student": student}, most=2)
    assert order.tolist() == [1, 3] and total == 3


def test_softmax_of_large_logits():
    assert pictures.softmax([[1e4, 0.0, -1e4]]).tolist() == [[1.0, 0.0, 0.0]]


def test_one_logit_is_two_classes(tmp_path):
    z = np.array([[2.0], [-1.0]], np.float32)
    np.savez(tmp_path / "predictions.npz", label=[1, 0], student_logits=z, teacher_logits=-z)
    found = pictures.read_predictions(tmp_path)
    sure = 1 / (1 + np.exp(-z[:, 0].astype(float)))
    np.testing.assert_allclose(found["student"], np.stack([1 - sure, sure], -1), rtol=1e-12)
    assert pictures.disagreements(found)[1] == 2
    assert pictures.per_class(found, ["no", "yes"])[0][2:] == (0.0, 1.0)
