"""A run without its data and published weights: what stands for them, and what stays."""

import pytest
from tiny_run import tiny_run as tiny

from keras_kd.config import trained_stages
from keras_kd.data.fake import FakeSource
from keras_kd.run.offline import OfflineExperiment, offline, random_source


def test_weights_that_would_be_fetched_are_left_out():
    config = tiny(teacher_cache="somewhere")
    config.student.init, config.student.model = "bit:R50x1-M", {"name": "", "kwargs": {}}
    config.teacher.model = {"name": "mobilenet_v3_small", "kwargs": {"weights": "imagenet"}}
    found = offline(config)
    assert (found.teacher_cache, found.student.init) == ("", "")
    assert found.teacher.model.kwargs.weights is None
    model = found.student.model
    assert model.name == "bit_resnet" and (model.kwargs.depth, model.kwargs.width) == (50, 1)


def test_weights_in_a_name_are_left_out_too():
    config = tiny()
    config.student.model = {"name": "keras:MobileNet?alpha=0.25&weights=mine.h5", "kwargs": {}}
    model = offline(config).student.model
    assert model.name == "keras:MobileNet"
    assert model.kwargs.to_dict() == {"alpha": 0.25, "weights": None}


def test_a_file_of_ones_own_is_still_read():
    config = tiny()
    config.student.init = "mine.keras"
    assert offline(config).student.init == "mine.keras"


def test_random_images_are_as_many_as_the_runs():
    source = random_source(tiny(), side=8)
    assert (source.num_classes, source.channels) == (10, 1)
    assert source.split("train").num_examples == 1297  # of 1,797 digits, 500 are for the test
    assert list(trained_stages(tiny())) == ["teacher.train", "baseline", "distil"]


def test_a_published_teacher_is_a_narrow_one_of_its_family():
    source = FakeSource("pets", [str(index) for index in range(37)], 3, {"train": 64}, 32)
    config = tiny(**{"teacher.handle": "bit:R152x2-pets128"})
    experiment = OfflineExperiment(config, source, tiny=True)
    model = experiment.load(config.teacher.handle, 32)
    assert model.output_shape == (None, 37)
    # The published one has 232 million weights: units (3, 8, 36, 3) and twice the width.
    assert model.count_params() < 1e6
    assert experiment.load(config.teacher.handle, 32) is model
    with pytest.raises(ValueError, match="know the data set's 37 classes"):
        experiment.load("bit:R50x1-imagenet224", 32)


def test_a_published_teacher_may_know_more_classes_than_the_data(tmp_path):
    source = FakeSource("some", ["2", "0"], 3, {"train": 64}, 32)
    (tmp_path / "names.txt").write_text("\n".join(map(str, range(37))))
    config = tiny(**{"teacher.handle": "bit:R152x2-pets128"})
    config.teacher.classes = str(tmp_path / "names.txt")
    experiment = OfflineExperiment(config, source, tiny=True)
    model = experiment.load(config.teacher.handle, 32, classes=config.teacher.classes)
    assert model.output_shape == (None, 2)
