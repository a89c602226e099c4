"""Few labels a class: as many as asked for, the same ones each time, and the rest hidden."""

import numpy as np
import pytest

from keras_kd.data import build_dataset
from keras_kd.data.few_labels import FewLabels, PartlyLabelled, draw_labels
from keras_kd.data.unlabelled import Unlabelled


@pytest.mark.parametrize("per_class", [1, 7, 50])
def test_each_class_keeps_as_many(digits, per_class):
    examples = digits.split("train")
    kept = draw_labels(examples, per_class, seed=3)
    assert np.array_equal(np.bincount(examples.labels[kept]), [per_class] * 10)
    assert np.array_equal(kept, np.unique(kept))


def test_another_seed_draws_others_and_more_labels_hold_the_fewer(digits):
    examples = digits.split("train")
    few, more, other = (draw_labels(examples, n, s) for n, s in ((5, 0), (20, 0), (5, 1)))
    assert set(few) < set(more)
    assert len(set(few) & set(other)) < 10  # of 50, where 2 are expected
    # Each image of a class has the same chance: over many seeds none is left out.
    seen = np.zeros(examples.num_examples)
    for seed in range(200):
        seen[draw_labels(examples, 13, seed)] += 1
    assert abs(seen.mean() - 20) < 0.5 and seen.min() > 3 and seen.max() < 45


def test_an_image_that_is_gone_changes_its_own_class_only(digits):
    examples = digits.split("train")
    kept = draw_labels(examples, 5, 0)
    rest = np.setdiff1d(np.arange(examples.num_examples), kept[:1])
    without = rest[draw_labels(examples.take(rest), 5, 0)]
    assert set(kept[1:]) < set(without) and len(without) == 50
    (new,) = set(without) - set(kept)
    assert examples.labels[new] == examples.labels[kept[0]]


def test_a_class_with_fewer_keeps_all(digits):
    examples = digits.split("train")
    kept = draw_labels(examples, 10**6, 0)
    assert np.array_equal(kept, np.arange(examples.num_examples))


def test_a_stream_holds_the_labelled_images_and_no_others(digits):
    few = FewLabels(digits, 2, seed=0)
    examples, whole = few.split("train"), digits.split("train")
    stream = build_dataset(few, "train", "fix/rs", 20, 8, with_ids=True)
    x, y = next(iter(stream))
    assert sorted(x["id"].numpy()) == sorted(examples.ids) and set(examples.ids) < set(whole.ids)
    assert np.array_equal(np.bincount(y), [2] * 10)
    place = {one: row for row, one in enumerate(whole.ids)}
    rows = [place[one] for one in x["id"].numpy()]
    np.testing.assert_array_equal(y, whole.labels[rows])
    np.testing.assert_allclose(x["student"], whole.store.images[rows] / 127.5 - 1, atol=1e-6)


def test_partly_labelled_are_all_images_with_the_labels_that_are_known(digits):
    known = FewLabels(digits, 3, seed=1)
    every, few = digits.split("train"), known.split("train")
    partly = PartlyLabelled(Unlabelled(digits), known).split("train")
    np.testing.assert_array_equal(partly.ids, every.ids)
    kept = np.isin(every.ids, few.ids)
    assert kept.sum() == few.num_examples == 30
    np.testing.assert_array_equal(partly.labels[kept], every.labels[kept])
    assert (partly.labels[~kept] == -1).all()
