"""Similarity-preserving distillation against RepDistiller's formula in NumPy."""

import numpy as np
import pytest

from keras_kd.methods import SimilarityPreserving


@pytest.mark.parametrize("shapes", [((4,), (7,)), ((4, 4, 3), (2, 2, 5))])
def test_it_is_repdistillers_loss(rng, numpy, shapes):
    student, teacher = (rng.normal(size=(6, *shape)) for shape in shapes)

    def gram(x):
        x = x.reshape(len(x), -1)
        g = x @ x.T
        return g / np.linalg.norm(g, axis=1, keepdims=True)

    def reference(s, t):  # the sum over all pairs, over B^2
        return ((gram(t["logits"]) - gram(s["logits"])) ** 2).sum() / 36

    numpy.check(SimilarityPreserving(), reference, student, teacher)


def test_scale_and_rotation_do_not_matter(rng, numpy):
    x = rng.normal(size=(6, 4))
    rotation, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    loss = numpy.loss_of(SimilarityPreserving(), x, 3.0 * x @ rotation)
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)
