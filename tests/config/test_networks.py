"""What a config may say of its networks: names, arguments, and where their weights come from."""

import pytest
from changed_config import changed

from keras_kd.config import check


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("student.model.name", "resnett", "Did you mean 'resnet'"),
        ("student.model.kwargs", {"dept": 20}, "depth"),
        ("teacher.handle", "a.keras,,b.keras", r"config\.teacher\.handle: a teacher's handle must"),
        ("teacher.engine", "xlaa", r"config\.teacher\.engine: "),
        ("teacher.activation", "softmaxx", r"config\.teacher\.activation: activation must be one"),
        ("teacher.classes", "nowhere.txt", r"config\.teacher\.classes: .*nowhere\.txt"),
        (
            "teacher.output",
            "scores",
            r"teacher\.output must be left out where config\.teacher\.hand",
        ),
        ("teacher.accept", True, r"teacher\.accept must be left out where config\.teacher\.handle"),
        ("teacher.normalization", "imagenett", r"config\.teacher\.normalization: .*imagenet"),
        ("teacher.normalization", "imagenet", r"teacher\.normalization must be empty where"),
        ("teacher.layout", "nwhc", r"config\.teacher\.layout: layout must be one of nhwc, nchw"),
        ("teacher.layout", "nchw", r"teacher\.layout must be empty where .*teacher\.handle is"),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


def test_what_has_learned_already_has_no_first_weights():
    config = changed("teacher.handle", "bit:R50x1-M")
    config.teacher.init = "first.keras"
    with pytest.raises(ValueError, match=r"teacher\.init must be empty where config\.teacher\.han"):
        check(config)


def test_a_network_without_a_name_is_the_one_of_its_file():
    config = changed("student.model", {"name": "", "kwargs": {}})
    config.student.init = "student.keras"
    check(config)
    config.student.model.kwargs = {"depth": 8}
    with pytest.raises(ValueError, match=r"student\.model\.kwargs must be empty .*config\.student"):
        check(config)


def test_values_of_pixels_are_told_in_one_way():
    config = changed("teacher.handle", "teacher.keras")
    config.teacher.normalization, config.teacher.layout = "imagenet", "nchw"
    check(config)
    config.teacher.input_range = (0, 1)
    with pytest.raises(ValueError, match=r"config\.teacher\.normalization: .*input_range=\(0, 1\)"):
        check(config)
