"""Answers against chance: tails by hand, and orders of classes that are and are not there."""

import math

import numpy as np
import pytest

from keras_kd.evaluation.chance import best_order, is_out_of_order, reordered, verdict


def tail(least, count, chance):
    """P(at least so many hits), summed term by term."""
    terms = range(least, count + 1)
    return sum(math.comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in terms)


def answers_with(hits, labels, classes):
    """So many right answers, the rest one class too high: as frequent as the labels, nearly."""
    wrong = np.arange(len(labels)) >= hits
    return (labels + wrong) % classes


@pytest.mark.parametrize(("count", "classes"), [(60, 12), (50, 10), (200, 2), (1000, 1000)])
def test_more_hits_than_chance_explains(count, classes):
    labels = np.random.default_rng(0).permutation(np.arange(count) % classes)
    for hits in range(0, count + 1, max(1, count // 50)):
        found = verdict(labels, answers_with(hits, labels, classes))
        assert found.share == pytest.approx(hits / count)
        assert found.better == (tail(hits, count, found.chance) <= 0.01), hits
    assert found.chance == pytest.approx(1 / classes)  # all right: as frequent as the labels


def test_the_most_frequent_class_alone_is_chance():
    labels = np.array([0] * 90 + [1] * 10)
    found = verdict(labels, np.zeros(100, int))
    assert found.share == found.chance == 0.9 and not found.better
    right = labels.copy()
    right[:2] = 1
    assert verdict(labels, right).better


def test_few_images_decide_nothing():
    labels = np.arange(4) % 2
    assert not verdict(labels, labels).decidable
    labels = np.arange(200) % 2
    found = verdict(labels, 1 - labels)
    assert found.share == 0 and not found.better and found.decidable
    labels = np.arange(10)  # one of each
    assert not verdict(labels, np.roll(labels, 1)).decidable


def test_the_best_order_is_found_exactly():
    rng = np.random.default_rng(0)
    order = rng.permutation(12)  # output j stands for class order[j]
    labels = np.repeat(np.arange(12), 5)
    answers = np.argsort(order)[labels]
    np.testing.assert_array_equal(best_order(labels, answers, 12), order)
    np.testing.assert_array_equal(reordered(labels, answers, 12), labels)
    assert is_out_of_order(labels, answers, 12)
    assert not is_out_of_order(labels, labels, 12)
    np.testing.assert_array_equal(best_order(labels, labels, 12), np.arange(12))


def test_an_order_that_is_fitted_to_chance_helps_nobody():
    rng = np.random.default_rng(1)
    for count, classes in ((60, 12), (500, 37), (1000, 1000)):
        for _ in range(20):
            labels, answers = rng.integers(0, classes, (2, count))
            fitted = best_order(labels, answers, classes)[answers]
            assert np.mean(fitted == labels) > np.mean(answers == labels)
            assert not is_out_of_order(labels, answers, classes)
            assert np.mean(reordered(labels, answers, classes) == labels) < 0.25


def test_a_few_classes_that_changed_places_among_many_are_noticed():
    labels = np.repeat(np.arange(10), 20)
    swapped = np.where(labels == 3, 7, np.where(labels == 7, 3, labels))
    assert verdict(labels, swapped).better
    assert is_out_of_order(labels, swapped, 10)
    # Classes that are often taken for one another are no other order.
    confused = labels.copy()
    confused[labels == 3] = np.where(np.arange(20) % 2, 3, 7)
    confused[labels == 7] = np.where(np.arange(20) % 2, 7, 3)
    assert not is_out_of_order(labels, confused, 10)
