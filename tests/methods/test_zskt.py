"""The generator's loss of zero-shot knowledge transfer."""

import numpy as np
import tensorflow as tf

from keras_kd.methods import ZSKT


def test_is_less_where_student_and_teacher_differ_more(logits, numpy):
    s, t = logits
    p, q = numpy.softmax(t), numpy.softmax(s)
    both = {n: {"logits": tf.constant(z, tf.float32)} for n, z in (("student", s), ("teacher", t))}
    loss = ZSKT()({}, student={}, teacher=both)
    np.testing.assert_allclose(loss, -(p * np.log(p / q)).sum(-1), rtol=1e-4, atol=1e-6)
    same = {"student": both["teacher"], "teacher": both["teacher"]}
    np.testing.assert_allclose(ZSKT()({}, student={}, teacher=same), 0.0, atol=1e-6)
