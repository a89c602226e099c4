"""--profile: sums that add up, a slow pipeline that shows, a trace, and no state left behind."""

import time

import pytest
import tensorflow as tf
from absl.testing import flagsaver

from keras_kd import data
from keras_kd.commands import train
from keras_kd.configs import digits
from keras_kd.run import profiling
from keras_kd.run.streams import Streams


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

    def slowly(self, stage, train, start, *args, **kwargs):
        images = data.build_dataset(*train.args, **train.keywords)
        return images.map(
            lambda x, y: (x, tf.ensure_shape(tf.numpy_function(sleep, [y], y.dtype), y.shape))
        )

    monkeypatch.setattr(Streams, "_start", slowly)
    monkeypatch.setattr(profiling, "_TRACED", 1)
    result = profiling.profile(tiny(), tmp_path, num_steps=5)
    assert result["waiting"] > 0.5
    assert result["steps_per_second"] < 6


def test_several_steps_per_execution_are_refused(tmp_path):
    config = tiny()
    config.steps_per_execution = 4
    with pytest.raises(ValueError, match=r"Received: config\.steps_per_execution=4"):
        profiling.profile(config, tmp_path)


@pytest.mark.parametrize(
    "flag", ["--strategy=mirrored", "--virtual_devices=2", "--data_service=grpc://a:1", "--tpu=a"]
)
def test_flags_that_a_profile_would_ignore_are_refused(flag):
    with flagsaver.flagsaver():
        train.FLAGS(["keras-kd-train", "--profile=3", flag])
        with pytest.raises(ValueError, match=f"Received: --profile=3 {flag}"):
            train._check_single_replica("--profile=3")
        train.FLAGS(["keras-kd-train", "--strategy=one_device"])
        for name in ("virtual_devices", "data_service", "tpu"):
            train.FLAGS[name].unparse()
        train._check_single_replica("--profile=3")
