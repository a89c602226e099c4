"""Targets that were computed before: where they are, for whom, and what they cannot serve."""

import pytest
from tiny_run import tiny_run as tiny

from keras_kd.run import Experiment, targets


def test_they_belong_to_stages_that_follow_a_teacher_under_fix():
    config = tiny(**{"distil.mode": "fix/cc", "baseline.mode": "fix/cc"})
    found = Experiment(config).stages
    assert [targets.is_fixed(config, one) for one in found] == [False, False, True]
    assert not targets.is_fixed(tiny(), Experiment(tiny()).last)


def test_what_stands_in_for_them_has_a_row_an_example():
    assert targets.stand_in(*_last(tiny())) is None
    experiment, stage = _last(tiny(**{"distil.mode": "fix/ic_ens", "distil.fix_crops": 3}))
    fixed = experiment.streams.fixed_views(stage)
    assert (fixed.num_examples, fixed.crops) == (64, 3)
    stored = experiment.streams.with_targets(stage, targets.stand_in(experiment, stage))
    x, _ = next(iter(stored.train(0, 6)[0]))
    assert x["teacher_logits"].shape == (16, 10) and not x["teacher_logits"].numpy().any()


def _last(config):
    experiment = Experiment(config)
    return experiment, experiment.last


def test_without_a_cache_there_are_none():
    experiment, stage = _last(tiny())
    assert targets.open_targets(experiment, stage) is None
    assert targets.get_targets(experiment, stage, None, None) is None


def test_the_largest_classes_do_not_serve_what_needs_logits():
    config = tiny()
    config.distil.methods = {"logit_l2": {}}
    _, stage = _last(config)
    targets.check_kept(stage, 0)
    with pytest.raises(ValueError, match=r"'logit_l2' needs .*top_k=3\..* --top_k=0"):
        targets.check_kept(stage, 3)
    targets.check_kept(_last(tiny())[1], 3)
