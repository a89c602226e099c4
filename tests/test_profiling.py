"""--profile: sums that add up, a slow pipeline that shows, a trace, and no state left behind."""

import time

import pytest
import tensorflow as tf

from keras_kd import profiling, run
from keras_kd.configs import digits


def tiny():
    config = digits.get_config()
    config.batch_size = 16
    config.teacher.model.kwargs.update(depth=8, width=0.5)
    config.student.model.kwargs.update(depth=8, width=0.25)
    return config


def test_a_profile_adds_up_and_leaves_the_run_alone(tmp_path):
    result = profiling.profile(tiny(), tmp_path, num_steps=5)
    assert result["images_per_second"] == pytest.approx(16 * result["steps_per_second"])
    assert 0 <= result["waiting"] < 1
    assert result["first_step_seconds"] > result["step_seconds"] > 0
    assert list((tmp_path / "tensorboard" / "profile").rglob("*.xplane.pb"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tensorboard"]
    assert "of the time the step waits for data" in profiling.describe(result)


def test_slow_data_show_as_waiting(tmp_path, monkeypatch):
    def sleep(value):
        time.sleep(0.2)
        return value

    def slowly(self, train, start, *args, **kwargs):
        data = run.data.build_dataset(*train.args, **train.keywords)
        return data.map(
            lambda x, y: (x, tf.ensure_shape(tf.numpy_function(sleep, [y], y.dtype), y.shape))
        )

    monkeypatch.setattr(run.Streams, "_start", slowly)
    monkeypatch.setattr(profiling, "_TRACED", 1)
    result = profiling.profile(tiny(), tmp_path, num_steps=5)
    assert result["waiting"] > 0.5
    assert result["steps_per_second"] < 6
