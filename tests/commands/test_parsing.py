"""Mistakes in flags and in the config file: a sentence that names the place, and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

DIGITS = Path(__file__).resolve().parents[2] / "configs" / "digits.py"
HEAD = "from keras_kd.config import base\n\ndef get_config():\n    config = base()\n"

# Name of a config file -> its content, and what is told of it.
FILES = {
    "syntax": ("def get_config(:\n    pass\n", "syntax.py, line 1: invalid syntax."),
    "type": (HEAD + "    config.batch_size = len(3)\n",
             "type.py, line 5: TypeError: object of type 'int' has no len()"),
    "value": (HEAD + "    config.batch_size = int('x')\n",
              "value.py, line 5: invalid literal for int() with base 10: 'x'"),
    "name": (HEAD + "    config.batch_size = nothing\n",
             "name.py, line 5: NameError: name 'nothing' is not defined"),
    "import": ("import nothing\n", "import.py, line 1: ModuleNotFoundError: No module named"),
    "key": (HEAD + "    config.batchsize = 3\n",
            'key.py, line 5: AttributeError: Key "batchsize" does not exist and cannot be added '
            'since the config is locked. Did you mean "batch_size"'),
    "file": ("def get_config():\n    open('/nowhere/at/all')\n",
             "file.py, line 2: [Errno 2] No such file or directory: '/nowhere/at/all'"),
    "none": ("def get_config():\n    pass\n", "get_config() must return a ConfigDict, such as"),
    "empty": ("x = 3\n", "must have a function get_config()"),
}  # fmt: skip
FLAGS = {
    "--config.batchsize=3": 'Received: --config.batchsize=3. Did you mean "batch_size" instead',
    "--config.distil.totl=3": 'Received: --config.distil.totl=3. Did you mean "total" instead',
    "--config.dstil.total=3": 'Received: --config.dstil.total=3. Did you mean "distil" instead',
    "--config.teacher.model.kwargs.foo=3": "Received: --config.teacher.model.kwargs.foo=3. The "
    "file does not set it: give all arguments at once, "
    "--config.teacher.model.kwargs=\"{'foo': 3}\", with those",
    "--config.teacher.model.kwargs.foo=bar": "--config.teacher.model.kwargs=\"{'foo': 'bar'}\"",
    "--config.batch_size=x": "flag --config.batch_size=x: invalid literal for int()",
    "--config.data.flip=maybe": "flag --config.data.flip=maybe: ",
    "--confg.x=3": "Unknown command line flag 'confg.x'. Did you mean: config ?",
    "here": "Expected flags only. Received: 'here'. Try --help.",
}


def told(*arguments):
    """What keras-kd-train says of a mistake, after it was looked at whether it is said as one."""
    command = [sys.executable, "-m", "keras_kd.train", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("keras-kd-train: ")


@pytest.mark.parametrize("name", FILES)
def test_a_config_file_that_is_broken_is_told_with_its_line(tmp_path, name):
    content, sentence = FILES[name]
    path = tmp_path / f"{name}.py"
    path.write_text(content)
    assert sentence in told(f"--config={path}", f"--workdir={tmp_path / 'w'}")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_cannot_be(tmp_path, flag):
    assert FLAGS[flag] in told(f"--config={DIGITS}", f"--workdir={tmp_path / 'w'}", flag)


def test_an_argument_that_a_config_does_not_take(tmp_path):
    assert "get_config() takes 0 positional arguments" in told(f"--config={DIGITS}:medium")


def test_a_config_that_is_not_there():
    assert "could not be loaded. Received: --config=nope.py. " in told("--config=nope.py")
    assert "Give --config=FILE as well" in told("--config.batch_size=3")


def test_flags_that_are_missing():
    assert (
        told("--workdir=w") == "--config is missing. Give a file, for example configs/digits.py.\n"
    )
    assert told(f"--config={DIGITS}").startswith("--workdir is missing.")
    watched = told(f"--config={DIGITS}", "--watch", "--dry_run")
    assert watched.startswith("--watch follows a training. Received: --watch beside --preview")
