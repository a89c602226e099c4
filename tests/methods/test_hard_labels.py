"""Hard pseudo-labels against the cross-entropy in NumPy."""

import numpy as np

from keras_kd.methods import HardLabels


def test_cross_entropy_of_the_teachers_class(logits, numpy):
    def reference(s, t):
        chosen = t["logits"].argmax(-1)
        return -np.log(numpy.softmax(s["logits"])[np.arange(len(chosen)), chosen])

    numpy.check(HardLabels(), reference, *logits)
