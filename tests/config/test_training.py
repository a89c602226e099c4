"""What one stage may ask for: lengths, an optimizer, a schedule, and something to learn from."""

import pytest
from changed_config import TAPS, changed

from keras_kd.config import base, check, network
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
        ("distil.first_rate", 1.0, r"distil\.first_rate must be at most the learning_rate"),
        ("distil.last_rate", -1.0, r"distil\.last_rate must be finite and at least 0"),
        ("distil.repeats", 0, r"distil\.repeats must be at least 1"),
        ("distil.repeats", 129, r"distil\.repeats must be at most the number of rows"),
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


@pytest.mark.parametrize("mix", ["mixup(1.0)", "cutmix(1.0)", "mixup(0.8)|cutmix(1.0)"])
def test_methods_of_one_label_an_image_refuse_mixed_ones_and_copies(mix):
    bank = {"pskd": {"num_examples": 1797, "first_id": 0}}
    config = changed("distil.methods", bank)
    config.distil.update(mode="same/ic", mix=mix)
    with pytest.raises(ValueError, match=r"needs images that are not mixed.*Set config\.distil\."):
        check(config)
    config.distil.update(mode="same/ic", mix="", repeats=3)
    with pytest.raises(ValueError, match=r"distil\.repeats must be 1 beside the method 'pskd'"):
        check(config)
    config.distil.update(repeats=1, schedule="staircase", first_rate=1e-4)
    with pytest.raises(ValueError, match=r"and 0 for the schedule 'staircase'"):
        check(config)


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


def taught(**changes):
    """Mutual learning with one peer, and what differs."""
    config = base()
    config.peer = network("resnet", depth=8)
    config.distil.update(teachers=(), learners=("peer",), label_weight=1.0)
    config.distil.methods = {"mutual_learning": {}}
    config.stages = ("distil",)
    with config.ignore_type():
        config.update_from_flattened_dict(changes)
    return config


def test_further_learners_may_be_named_by_the_methods():
    check(taught())
    soft = {"learner": "peer", "source": "student"}
    check(taught(**{"distil.methods": {"soft_targets": soft}}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distil.learners": ("peer", "peer")}, r"distil\.learners must name, each once.*'peer'"),
        ({"distil.learners": ("pear",)}, r"Received: 'pear'.*kind: peer\. Make one.*network\("),
        ({"distil.learners": ("student",)}, r"Received: 'student'"),
        ({"peer.handle": "bit:R50x1-imagenet224"}, r"without a handle\. Received: 'peer'.*none"),
        ({"peer.model.name": "quantize_aware"}, r"\.of must name what .peer..*quantize_aware"),
        ({"distil.methods": {}}, r"learners must be networks that learn by a method.*'peer'"),
        (
            {"distil.methods": {"mutual_learning": {"source": ("pear",)}}},
            r"source must be of the stage's networks \(peer, student, teacher\).*pear",
        ),
        ({"distil.methods": {"mutual_learning": {"source": ()}}}, "two networks at least"),
        ({"distil.methods": {"soft_targets": {"learner": "peer"}}}, r"teachers must name one"),
        ({"teacher_cache": "cache"}, r"teacher_cache must be empty.*'distil', which has no"),
    ],
)  # fmt: skip
def test_mistakes_with_further_learners_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        check(taught(**changes))


@pytest.mark.parametrize("method", [{"pskd": {"num_examples": 9}}, {"mean_teacher": {}}])
@pytest.mark.parametrize(("mode", "mix"), [("mix", ""), ("same/ic", "mixup(1.0)")])
def test_methods_of_whole_images_refuse_mixed_ones_and_the_advice_works(method, mode, mix):
    config = taught(**{"distil.methods": method, "distil.learners": ()})
    config.distil.update(mode=mode, mix=mix)
    with pytest.raises(ValueError, match=r"not mixed.*mode=.*Set config\.distil\.mode='same/ic'"):
        check(config)
    config.distil.update(mode="same/ic", mix="")
    check(config)


def test_one_average_alone_leaves():
    config = taught(**{"distil.methods": {"mean_teacher": {}}, "distil.learners": ()})
    config.distil.update(ema=0.9, mode="same/ic")
    with pytest.raises(ValueError, match=r"distil\.ema must be 0 beside .*leaves=False.*ema=0.9"):
        check(config)
    config.distil.methods.mean_teacher.leaves = False
    check(config)
