"""A choice of classes where nobody could make it."""

import pytest
from tiny_run import tiny_run

from keras_kd.config import check

HIDDEN = {
    "eval_source": {"data.source": "tfds:cifar10", "data.eval_source": "digits"},
    "unlabelled": {"data.unlabelled": "digits"},
    "labels_per_class": {"data.labels_per_class": 3},
}


@pytest.mark.parametrize("key", HIDDEN)
def test_of_images_whose_labels_are_hidden(key):
    config = tiny_run(**HIDDEN[key])
    if key == "eval_source":
        config.baseline.enabled, config.teacher.handle = False, "bit:R50x1-imagenet224"
    check(config)
    config.distil.classes = ("1", 2)
    with pytest.raises(ValueError, match=rf"config.distil.classes must be empty with data.{key}"):
        check(config)


def test_a_stage_on_labels_alone_sees_those_there_are():
    config = tiny_run(**HIDDEN["labels_per_class"])
    config.teacher.train.classes = ("1", 2)
    check(config)


def test_of_images_that_a_network_makes():
    config = tiny_run()
    config.distil.methods = {"random_noise": {}}
    check(config)
    config.distil.classes = ("1", 2)
    with pytest.raises(ValueError, match="empty where a network makes the images"):
        check(config)


def test_a_text_in_place_of_several():
    config = tiny_run()
    with pytest.raises(TypeError):
        config.distil.classes = "1,2"
