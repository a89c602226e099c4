"""Runs whose stage has several learners: peers are built, resumed and told of, and do not leave."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run
from tiny_stage import TIMINGS, arrays_of, assert_same, stop_after

from keras_kd.config import network
from keras_kd.run import Experiment, run
from keras_kd.training.log import logged

STEPS = 4
MOMENTS = "momentum", "velocity"
LAST = f"checkpoints/distil/step_{STEPS:08d}.npz"


def mutual():
    """The student and two peers, one of which is built like it."""
    config = tiny_run(STEPS, xla="off")
    config.stages = ("distil",)
    config.checkpoint.every = "1 steps"
    student = config.student.model.kwargs.to_dict()
    config.peer = network("resnet", **student)
    config.wide = network("resnet", **{**student, "width": 0.375})
    config.distil.update(teachers=(), learners=("peer", "wide"), label_weight=1.0, mode="mix")
    config.distil.methods = {"mutual_learning": {"source": ("peer", "wide"), "warmup": "2 steps"}}
    config.distil.optimizers.wide = {"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 0.0}
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "mutual"
    return run(mutual(), workdir), workdir


def outcome(workdir):
    entries = logged(workdir / "metrics.jsonl", "distil")
    kept = [{k: v for k, v in e.items() if k not in TIMINGS} for e in entries]
    return arrays_of(workdir / LAST), kept


def test_peers_are_told_of_and_stay_behind(finished):
    report, workdir = finished
    beside = report["stages"]["distil"]["beside"]
    student = keras.models.load_model(workdir / "student.keras")
    assert set(beside) == {"peer", "wide"}
    assert beside["peer"]["parameters"] == student.count_params() < beside["wide"]["parameters"]
    assert all(0 <= each["accuracy"] <= 1 for each in beside.values())
    assert report["teacher"] is None and report["fidelity"] is None
    arrays = arrays_of(workdir / LAST)
    first = [f"network/{name}/stem_conv/kernel" for name in ("student", "peer")]
    assert set(first) <= arrays.keys()
    assert (arrays[first[0]] != arrays[first[1]]).any()  # alike but for their first weights
    entry = logged(workdir / "metrics.jsonl", "distil")[-1]
    assert {"loss", "peer_loss", "wide_loss", "wide_mutual_learning", "peer_labels"} <= set(entry)


def test_each_peer_steps_by_the_optimizer_that_the_config_gives_it(finished):
    before, after = (
        arrays_of(finished[1] / f"checkpoints/distil/step_{step:08d}.npz")
        for step in (STEPS - 1, STEPS)
    )
    kinds = {name: set() for name in ("student", "peer", "wide")}
    for key in after:
        if key.startswith("optimizer/") and key.endswith("logits/bias"):
            kinds[key.split("/")[1]].add(key.split("/")[2])
    assert kinds["student"] == kinds["peer"] != kinds["wide"] == {"momentum"}
    rate = 3e-3 * (1 + np.cos(np.pi * 2 / 3)) / 2  # the third of three steps after the warm-up
    for name in kinds:
        bias = f"network/{name}/logits/bias"
        moved = after[bias].astype("float64") - before[bias]
        own = f"optimizer/{name}"
        if name == "wide":  # SGD adds its momentum
            expected = after[f"{own}/momentum/{bias}"]
        else:  # Adam, with both averages since the first step
            m, v = (after[f"{own}/{kind}/{bias}"].astype("float64") for kind in MOMENTS)
            m, v = m / (1 - 0.9**STEPS), v / (1 - 0.999**STEPS)
            expected = -rate * m / np.sqrt(v)
        assert np.abs(expected).min() > 0
        np.testing.assert_allclose(moved, expected, rtol=1e-3, atol=1e-7)


def test_a_run_that_is_killed_ends_with_the_bits_of_one_that_was_not(finished, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step=3)  # between two intervals
        with pytest.raises(KeyboardInterrupt):
            run(mutual(), tmp_path)
    report = run(mutual(), tmp_path)
    assert_same(outcome(tmp_path), outcome(finished[1]))
    assert report["stages"]["distil"]["beside"] == finished[0]["stages"]["distil"]["beside"]


def test_images_without_a_label_take_part_where_a_method_uses_them():
    config = tiny_run(STEPS)
    config.stages = ("baseline", "distil")
    config.data.labels_per_class = 2
    config.distil.update(teachers=(), label_weight=1.0, mode="same/ic")
    config.distil.methods = {"mean_teacher": {}}
    experiment = Experiment(config)
    baseline, distil = experiment.stages
    pools = experiment.streams.pools
    assert (pools.of(baseline).num_examples, pools.of(distil).num_examples) == (20, 64)
    assert (pools.of(distil).examples.labels >= 0).sum() == 20
    train, _ = experiment.streams.of(distil).train(0, 4)
    batches = list(train.take(4).as_numpy_iterator())
    known = 0
    for x, y in batches:
        assert set(x) == {"image", "mean_teacher"}  # each in draws of its own
        assert (x["image"] != x["mean_teacher"]).any()
        known += (y >= 0).sum()
    assert known == 20  # an epoch
    (x, y), *_ = experiment.streams.of(baseline).train(0, 1)[0].take(1).as_numpy_iterator()
    assert isinstance(x, np.ndarray) and (y >= 0).all()


def test_peers_see_views_of_their_own_where_their_method_wants_it():
    config = mutual()
    config.distil.methods = {"kdcl": {"source": ("peer", "wide")}}
    config.distil.mode = "same/ic"
    experiment = Experiment(config)
    (stage,) = experiment.stages
    ((x, _),) = experiment.streams.of(stage).train(0, 1)[0].take(1).as_numpy_iterator()
    assert set(x) == {"image", "peer", "wide"}
    assert len({x[name].tobytes() for name in x}) == 3
