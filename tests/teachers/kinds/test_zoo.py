"""Networks of keras.applications as teachers, by name and by a file of weights."""

import keras
import numpy as np
import pytest
from teacher_models import images
from tiny_run import tiny_run

from keras_kd.config import check
from keras_kd.run.offline import offline
from keras_kd.teachers import kinds, load

SMALL = "keras:MobileNet?alpha=0.25"


def test_weights_of_a_file(tmp_path):
    own = keras.applications.MobileNet(
        (32, 32, 3), weights=None, classes=4, classifier_activation=None, alpha=0.25
    )
    own.save_weights(tmp_path / "mine.weights.h5")
    handle = f"{SMALL}&weights={tmp_path}/mine.weights.h5"
    teacher = load(handle, 4, (32, 32, 3))
    x = images(2, 32, 32, 3)
    np.testing.assert_allclose(teacher(x), own(x), atol=1e-5)  # its family expects [-1, 1]
    assert teacher.trainable_variables == []
    unit = load(handle, 4, (32, 32, 3), input_range=(0, 1))
    np.testing.assert_allclose(unit(x), own((x + 1) / 2), atol=1e-5)
    with pytest.raises(ValueError, match=r"with 7 classes\. Received: weights="):
        load(handle, 7, (32, 32, 3))
    assert kinds.builder(handle, 4) is None  # what is there is read, in a dry run too


def test_classes_of_the_file_that_the_data_lack(tmp_path):
    own = keras.applications.MobileNet(
        (32, 32, 3), weights=None, classes=4, classifier_activation=None, alpha=0.25
    )
    own.save_weights(tmp_path / "mine.weights.h5")
    handle, x = f"{SMALL}&weights={tmp_path}/mine.weights.h5", images(2, 32, 32, 3)
    teacher = load(handle, ["d", "b"], (32, 32, 3), classes=["a", "b", "c", "d"])
    np.testing.assert_allclose(teacher(x), own(x).numpy()[:, [3, 1]], atol=1e-5)


def test_a_dry_run_fetches_nothing():
    assert kinds.builder("keras:ResNet50", 1000) == ("keras:ResNet50", {})
    assert kinds.builder(f"{SMALL}&weights=none", 7) == ("keras:MobileNet", {"alpha": 0.25})
    with pytest.raises(ValueError, match=r"5 classes.*Fine-tune it: give 'keras:ResNet50' as init"):
        kinds.builder("keras:ResNet50", 5)
    config = tiny_run()
    config.student.init, config.student.model = SMALL, {"name": "", "kwargs": {}}
    model = offline(config).student.model
    assert (model.name, model.kwargs.to_dict()) == ("keras:MobileNet", {"alpha": 0.25})


def test_a_config_may_name_them():
    config = tiny_run()
    config.student.model = {"name": "keras:MobileNetV2", "kwargs": {"alpha": 0.35}}
    check(config)
    config.student.model.kwargs = {"alfa": 0.35}
    with pytest.raises(ValueError, match="Did you mean 'alpha'"):
        check(config)
    config.student.model = {"name": "keras:MobileNetV9", "kwargs": {}}
    with pytest.raises(ValueError, match="must be a network of keras"):
        check(config)
