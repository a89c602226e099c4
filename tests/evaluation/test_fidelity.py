"""Fidelity on hand-made logits, against closed forms."""

import numpy as np

from keras_kd.evaluation import agreement, kl_divergence, l2_distance


def test_known_values():
    teacher = np.log([[0.75, 0.25], [0.5, 0.5]])
    student = np.log([[0.5, 0.5], [0.5, 0.5]])
    expected = [0.75 * np.log(1.5) + 0.25 * np.log(0.5), 0.0]
    np.testing.assert_allclose(kl_divergence(teacher, student), expected, atol=1e-6)
    np.testing.assert_array_equal(
        agreement([[1.0, 2.0], [2.0, 1.0]], [[0.0, 9.0], [0.0, 9.0]]), [1, 0]
    )


def test_known_distances():
    # A right triangle of sides 3 and 4; an offset that all logits share counts.
    np.testing.assert_allclose(l2_distance([[3.0, 0.0]], [[0.0, 4.0]]), [5.0])
    np.testing.assert_allclose(l2_distance([[1.0] * 4], [[0.0] * 4]), [2.0])
    np.testing.assert_allclose(kl_divergence([[1.0] * 4], [[0.0] * 4]), [0.0], atol=1e-7)


def test_agreement_in_the_top_k():
    student = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]])
    for place in range(6):
        teacher = np.eye(6)[[place]]
        found = [float(agreement(teacher, student, k)[0]) for k in (1, 2, 5, 6)]
        assert found == [place < k for k in (1, 2, 5, 6)]


def test_a_student_that_says_nothing_is_not_in_agreement_with_all():
    teacher = np.eye(10, dtype="float32")
    assert np.sum(agreement(teacher, np.zeros((10, 10), "float32"), 5)) == 5
