"""What needs labels is refused where those of the images mean nothing."""

import pytest

from keras_kd.config import base, check


@pytest.fixture
def config():
    config = base()
    config.data.source, config.data.eval_source = "folder:others", "folder:known"
    config.teacher.handle = "bit:R50x1-M"
    config.baseline.enabled = False
    return config


def test_without_labels_it_is_allowed(config):
    check(config)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("teacher.handle", "", r"config\.teacher\.handle must be a teacher of eval_source's"),
        ("baseline.enabled", True, r"config\.baseline\.enabled must be False with data\.eval_"),
        ("distil.label_weight", 0.5, r"config\.distil\.label_weight must be 0 with"),
        ("distil.methods", {"dkd": {}}, "without labels .* Received: 'dkd'"),
        ("distil.methods", {"teacher_free_kd": {}}, "without labels .* 'teacher_free_kd'"),
    ],
)
def test_what_needs_labels_is_refused(config, key, value, message):
    config.unlock()
    section, last = key.split(".")
    config[section][last] = value
    with pytest.raises(ValueError, match=message):
        check(config)
    config.data.eval_source = ""
    check(config)


@pytest.mark.parametrize("key, value", [("labels_per_class", 5), ("unlabelled", "digits")])
def test_a_student_of_images_without_labels_needs_none(key, value):
    config = base()
    config.data[key] = value
    check(config)
    config.distil.label_weight = 0.5
    with pytest.raises(ValueError, match=rf"distil.label_weight must be 0 with data.{key}.*0\.5"):
        check(config)
    config.distil.label_weight = 0.0
    config.distil.methods = {"dkd": {}}
    with pytest.raises(ValueError, match=rf"must do without labels with data.{key}.*'dkd'"):
        check(config)


def test_few_labels_of_another_data_set_mean_nothing():
    config = base()
    config.data.update(eval_source="digits", labels_per_class=3)
    config.teacher.handle = "hub:somewhere"
    config.baseline.enabled = False
    with pytest.raises(ValueError, match=r"data\.labels_per_class must be 0 with data\.eval_sour"):
        check(config)


@pytest.mark.parametrize("key", ["eval_source", "unlabelled"])
def test_images_without_a_second_one_are_refused_beside_pairs(key):
    config = base()
    config.data.source, config.data.student_source = "folder:RGB", "folder:DEPTH"
    check(config)
    config.data[key] = "digits"
    config.baseline.enabled = False
    config.teacher.handle = "keras:ResNet50"
    with pytest.raises(
        ValueError, match=rf"config\.data\.student_source must be empty beside data\.{key}"
    ):
        check(config)
