"""Files that Keras saved."""

import numpy as np
from teacher_models import images

from keras_kd.models import resnet
from keras_kd.teachers import load


def test_keras_file(tmp_path):
    model, x = resnet(8, 0.5, 4, (8, 8, 3)), images()
    model.save(tmp_path / "teacher.keras")
    for handle in (tmp_path / "teacher.keras", str(tmp_path / "teacher.keras")):
        teacher = load(handle, 4, (8, 8, 3))
        np.testing.assert_array_equal(teacher(x), model(x))
        assert teacher.trainable_variables == []
