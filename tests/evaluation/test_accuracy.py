"""Top-1 accuracy, of labels in either form."""

import numpy as np

from keras_kd.evaluation import accuracy, top1


def test_top1_takes_classes_and_probabilities():
    logits = np.array([[0.0, 1.0, 0.5], [3.0, 1.0, 0.5]])
    np.testing.assert_array_equal(top1(np.array([1, 1]), logits), [1, 0])
    np.testing.assert_array_equal(top1(np.array([[1], [1]]), logits), [1, 0])
    mixed = np.array([[0.1, 0.7, 0.2], [0.6, 0.4, 0.0]])
    np.testing.assert_array_equal(top1(mixed, logits), [1, 1])


def test_one_logit_is_two_classes():
    found = top1(np.array([1, 0, 1]), np.array([[0.5], [-0.5], [-0.5]]))
    np.testing.assert_array_equal(found, [1, 1, 0])


def test_the_metric_is_the_share_over_batches_of_any_size():
    metric = accuracy()
    assert metric.name == "accuracy"
    for labels, logits in (([0], [[1.0, 0.0]]), ([0, 1, 0], [[0.0, 1.0]] * 3)):
        metric.update_state(np.array(labels), np.array(logits))
    assert float(metric.result()) == 0.5  # 1 of 1 and 1 of 3
