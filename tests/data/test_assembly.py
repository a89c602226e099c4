"""How rows are grouped, and what all datasets have in common."""

import pytest
import tensorflow as tf
from batches import assert_same, batches

from keras_kd.data import FixedViews, assembly, build_dataset, evaluation_dataset


def test_nothing_tunes_an_iterator(photos):
    # Its thread may hold up whoever collects the iterator for a minute.
    made = [
        build_dataset(photos, "train", "mix", 12, 16, 7),
        evaluation_dataset(photos, "train", 12, 16),
        FixedViews(photos, "train", "fix/rs", 16).stream(4),
    ]
    assert not any(each.options().autotune.enabled for each in made)


@pytest.mark.parametrize("mode", ["mix", "ind/rc"])
def test_a_batch_does_not_depend_on_how_it_is_grouped(photos, monkeypatch, mode):
    """33 rows: three groups whose last is filled up, one group, or a row a call."""
    options = {"one_hot": True, "with_ids": True, "start_step": 2}
    whole = batches(2, photos, "train", mode, 33, 8, **options)
    for group in (12, 40, 1):
        monkeypatch.setattr(assembly, "GROUP", group)
        assert_same(whole, batches(2, photos, "train", mode, 33, 8, **options))
    evaluated = list(evaluation_dataset(photos, "train", 17, 8).as_numpy_iterator())
    monkeypatch.setattr(assembly, "GROUP", 5)
    assert_same(evaluated, list(evaluation_dataset(photos, "train", 17, 8).as_numpy_iterator()))


def test_a_distribution_strategy_leaves_the_shares_alone(digits):
    options = build_dataset(digits, "train", "mix", 8, 8).options()
    assert options.deterministic
    policy = options.experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.OFF
