"""The argument of configs/photos.py, taken apart without looking at images."""

import pytest

from keras_kd.configs import photos


def test_words_become_keys():
    config = photos.get_config("my/photos,teacher=t.keras,minutes=7.5,unlabelled=more")
    assert config.data.source == "folder:my/photos" and config.data.unlabelled == "folder:more"
    assert config.teacher.handle == "t.keras" and config.budget.minutes == 7.5
    config = photos.get_config("photos,weights=a/efficientnet_lite0.npz")
    assert config.budget.weights == "a/efficientnet_lite0.npz" and config.budget.minutes == 60


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "must begin with the folder of the images"),
        ("minutes=5", "must begin with the folder of the images"),
        ("photos,minuets=5", r"after the folder come minutes=.*'minuets=5'.*minutes"),
        ("photos,teacher", r"after the folder come.*'teacher'"),
        ("photos,minutes=0", "minutes must be a number above 0. Received: minutes=0"),
        ("photos,minutes=soon", "minutes must be a number above 0. Received: minutes=soon"),
    ],
)
def test_mistakes_are_named(argument, message):
    with pytest.raises(ValueError, match=message):
        photos.get_config(argument)
