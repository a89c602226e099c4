"""A mistake in any stage shows before the first one is trained."""

import keras
import pytest
from tiny_run import tiny_run as tiny
from tiny_run import with_changes

from keras_kd.run import Experiment
from keras_kd.run import story as run
from keras_kd.run.rehearsal import rehearse
from keras_kd.run.teach import teach


def test_what_is_right_passes_and_leaves_nothing(tmp_path):
    rehearse(Experiment(tiny()))
    with pytest.raises(ValueError, match=r"^config\.baseline: The warm-up must be shorter"):
        rehearse(Experiment(tiny(**{"baseline.warmup": "20 steps"})))


VECTORS = {"student_taps": ["pre_logits"], "teacher_taps": ["pre_logits"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student.model.kwargs": {"depth": 9}}, "depth=9"),
        ({"distil.warmup": "20 steps"}, r"config\.distil: The warm-up must be shorter"),
        ({"distil.learning_rate": float("inf")}, r"config\.distil\.learning_rate"),
        (
            {
                "distil.methods": {"hint": {"student_taps": ["stag2"], "teacher_taps": ["stage2"]}},
                "distil.label_weight": 0.1,
            },
            "'stag2'",
        ),
        (
            {
                "distil.methods": {"crd": {**VECTORS, "num_examples": 9}},
                "distil.label_weight": 0.1,
            },
            r"ids from 6 to 1777\. Give the method first_id=6, num_examples=1772",
        ),
        ({"checkpoint.keep_at": ("7 steps",)}, r"config\.checkpoint\.keep_at.* 6 steps"),
        ({"baseline.label_weight": 0.0}, r"config\.baseline\.label_weight"),
    ],
)
def test_mistakes_in_later_stages_show_before_the_first(tmp_path, changes, message):
    config = with_changes(tiny(), changes)
    with pytest.raises(ValueError, match=message):
        run.run(config, tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def hidden_softmax(path):
    """A file whose softmax no graph shows."""
    inputs = keras.Input((8, 8, 1))
    x = keras.ops.exp(keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    keras.Model(inputs, x / keras.ops.sum(x, axis=-1, keepdims=True)).save(path)
    return str(path)


@pytest.mark.parametrize("method", ["logit_l2", "relational_kd", "binary_soft_targets"])
@pytest.mark.parametrize("many", [False, True])
def test_probabilities_behind_a_method_that_needs_logits(tmp_path, method, many):
    """Of one teacher, and of several: before training, and before targets are computed."""
    handle = hidden_softmax(tmp_path / "a.keras")
    config = tiny(**{"teacher.handle": f"{handle},{handle}" if many else handle})
    config.distil.methods = {method: {}}
    refusal = pytest.raises(ValueError, match=f"'{method}' needs the logits of its teacher")
    with refusal:
        rehearse(Experiment(config))
    with refusal:
        teach(config, tmp_path / "run")
    assert not list((tmp_path / "run").glob("teacher_cache/*.npz"))
    config.distil.methods = {"soft_targets": {}}
    rehearse(Experiment(config))


def test_sigmoids_behind_a_method_of_one_class(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(10, activation="sigmoid")(keras.layers.Flatten()(inputs))
    keras.Model(inputs, x).save(tmp_path / "a.keras")
    config = tiny(**{"teacher.handle": str(tmp_path / "a.keras")})
    with pytest.raises(ValueError, match=r"'soft_targets' learns which one.*binary_soft_targets"):
        rehearse(Experiment(config))
    config.distil.methods = {"binary_soft_targets": {}}
    rehearse(Experiment(config))
