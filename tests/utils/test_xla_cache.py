"""The compilation cache in processes of their own: TensorFlow reads its flag once."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from keras_kd.utils.xla_cache import enable
set_now = enable(sys.argv[1])
import tensorflow as tf
double = tf.function(lambda x: tf.nn.relu(x @ x) + 1.0, jit_compile=True)
print(set_now, double(tf.ones([3, 3])).numpy().sum())
"""


def run(folder, **environment):
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    environment = {**os.environ, "TF_XLA_FLAGS": "", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


@pytest.mark.slow  # two processes; others test what is set
def test_a_second_process_takes_what_the_first_compiled(tmp_path):
    assert run(tmp_path / "cache") == "True 36.0"
    (file,) = (tmp_path / "cache").iterdir()
    written = file.stat().st_mtime_ns
    assert run(tmp_path / "cache") == "True 36.0"
    assert [f.stat().st_mtime_ns for f in (tmp_path / "cache").iterdir()] == [written]


def test_a_choice_in_the_environment_wins(tmp_path):
    chosen = f"--tf_xla_persistent_cache_directory={tmp_path}"
    assert run(tmp_path / "other", TF_XLA_FLAGS=chosen) == "False 36.0"
    assert not (tmp_path / "other").exists() and list(tmp_path.iterdir())
