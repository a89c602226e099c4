"""What one stage may ask for: lengths, an optimizer, a schedule, and something to learn from."""

import pytest
from changed_config import TAPS, changed

from keras_kd.config import base, check
from keras_kd.config.training import methods_of


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("distil.total", "ten epochs", r"config\.distil\.total: A length is a number"),
        ("distil.total", "0 steps", "longer than nothing"),
        ("distil.methods", {}, "one method"),
        ("distil.optimizer", "adamv", "Did you mean 'adam"),
        ("distil.optimizer_options", {"epsilonn": 1.0}, "epsilonn=1.0. Did you mean 'epsilon'"),
        (
            "baseline.optimizer_options",
            {"beta_1": 1.0},
            r"config\.baseline\.optimizer_options: bet",
        ),
        ("distil.schedule", "stairs", "Did you mean 'staircase'"),
        ("distil.decay_at", ("some time",), r"config\.distil\.decay_at: A length is a number"),
        ("distil.decay_at", ("0 percent",), "longer than nothing"),
        ("distil.methods", {"hint": TAPS}, "train the student's classifier.*label_weight=0.0"),
        ("distil.methods", {"soft_targets": TAPS}, "train the student's classifier"),  # other heads
        ("distil.methods", {"soft_target": {}}, "Did you mean 'soft_targets'"),
        ("distil.methods", {"soft_targets": {"temperature": -1.0}}, "temperature=-1"),
        ("distil.methods", {"soft_targets": {"temp": 1.0}}, "takes .*temperature"),
        (
            "distil.methods",
            {"soft_targets": {"learner": "peer"}},
            r"methods\.soft_targets\.learner must be 'student' or left out.*learner='peer'",
        ),
        (
            "distil.methods",
            {"dkd": {}, "soft_targets": {"source": "teacher2"}},
            r"methods\.soft_targets\.source must be 'teacher' or left out.*source='teacher2'",
        ),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


def test_methods_are_new_objects_with_their_arguments():
    settings = base().distil
    settings.methods = {"soft_targets": {"temperature": 3.0}}
    (first,), (second,) = methods_of(settings), methods_of(settings)
    assert first is not second and first.temperature == second.temperature == 3.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("distil.methods", {"hint": TAPS, "soft_targets": {}}),
        ("distil.methods", {"sim_kd": TAPS}),  # the classifier is the teacher's
        ("distil.methods", {"dkd": {"student_taps": ["logits"], "teacher_taps": ["logits"]}}),
        ("distil.label_weight", 0.1),
        ("student.init", "student.keras"),
    ],
)
def test_features_alone_will_do_where_the_classifier_is_trained_or_given(key, value):
    config = changed("distil.methods", {"hint": TAPS})
    section, last = key.split(".")
    config[section][last] = value
    check(config)
