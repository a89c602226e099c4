"""What the commands share: notes put aside, messages, and the three ways a command ends."""

import errno
import io
import logging
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from keras_kd.commands import console
from keras_kd.utils import files


@pytest.mark.parametrize("failing", ["builtins.open", "pathlib.Path.mkdir"])
def test_a_workdir_that_cannot_be_written_tells_what_to_do(tmp_path, monkeypatch, failing):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(failing, refuse)
    advice = r"--workdir must be writable \(Read-only .*workdir=.*run\. .*give another --workdir"
    with pytest.raises(OSError, match=advice) as raised:
        console.set_native_notes_aside(tmp_path / "run")
    assert raised.value.errno == errno.EROFS


def test_what_the_package_logs_is_printed_plainly_and_at_once(capsys):
    logger = logging.getLogger("keras_kd.run.story")
    with console.messages():
        logger.info("distil: goes on from step %s", f"{1200:,}")
        logger.debug("nobody asked")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(warnings, "filters", [])
            files.warnings = warnings
            exec(compile("warnings.warn('a shard is damaged')", files.__file__, "exec"),
                 files.__dict__)  # fmt: skip
            del files.warnings
        assert capsys.readouterr().out == (
            "distil: goes on from step 1,200\nWarning: a shard is damaged\n"
        )
    logger.info("nobody listens any more")
    assert capsys.readouterr().out == ""


def test_warnings_of_libraries_join_their_notes_and_those_of_the_user_do_not(capsys, monkeypatch):
    notes = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", notes)
    with console.messages():
        monkeypatch.setattr(warnings, "filters", [])
        # A library warns about what its caller's caller did: it is the one who speaks.
        exec(compile("import warnings\nwarnings.warn('Interpreter is deprecated', stacklevel=2)",
                     np.__file__, "exec"), {"__name__": "numpy"})  # fmt: skip
        warnings.warn("config.py: an old key", stacklevel=1)
    assert capsys.readouterr().out == "Warning: config.py: an old key\n"
    assert "Interpreter is deprecated" in notes.getvalue()


def test_a_library_user_who_asks_for_nothing_sees_nothing():
    code = "import keras_kd, logging; logging.getLogger('keras_kd.run').info('a line')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def failing(error, **environment):
    """A command of which one step raises, in a process of its own: (exit code, stdout, stderr)."""
    code = f"""
from keras_kd.commands import console
from keras_kd.utils import files
def step():
    print("a line")
    raise {error}
console.run("keras-kd-train", "About", step, ["keras-kd-train"], goes_on="It goes on.")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("error", ["KeyError('totl')", "AttributeError('x')", "TypeError('no')"])
def test_a_bug_shows_its_traceback_and_says_that_it_is_one(error):
    code, out, err = failing(error)
    assert (code, out) == (1, "a line\n")
    assert "Traceback (most recent call last):" in err and ", in step\n" in err
    assert error.partition("(")[0] in err and "Unknown config key" not in err
    last = err.splitlines()[-1]
    assert last.startswith("keras-kd-train: this is a bug of keras-kd") and "report it" in last
    assert "tensorflow 2." in last and "Python 3." in last


def test_a_mistake_shows_its_traceback_on_request_only():
    error = "OSError(28, 'No space left on device')"
    code, _, err = failing(error)
    assert (code, err) == (2, "keras-kd-train: [Errno 28] No space left on device\n")
    code, _, err = failing(error, KERAS_KD_TRACEBACK="1")
    assert code == 2 and "Traceback" in err and err.endswith("No space left on device\n")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        ("KeyboardInterrupt", 130, "\nStopped. It goes on.\n"),
        ("__import__('keras_kd.utils.signals').utils.signals.Stopped(15, ' at step 3')", 143,
         "\nStopped at step 3; the same command goes on from what is saved.\n"),
        ("SystemExit(7)", 7, ""),
    ],
)  # fmt: skip
def test_a_signal_ends_it_with_its_code(error, code, told):
    assert failing(error) == (code, "a line\n", told)


def test_what_libraries_log_and_warn_of_is_kept_but_not_shown(tmp_path):
    code = f"""
import logging, sys, warnings
from keras_kd.commands import console
def step():
    console.set_native_notes_aside({str(tmp_path)!r})
    import absl.logging, tensorflow as tf
    tf.get_logger().warning("5 out of the last 5 calls triggered tf.function retracing")
    absl.logging.warning("saving as HDF5 is legacy")
    logging.getLogger("h5py").warning("an old file")
    own = {{"__name__": "ai_edge_litert.interpreter"}}
    exec(compile("import warnings; warnings.warn('a wheel is old')", tf.__file__, "exec"), own)
    logging.getLogger("keras_kd.run").info("a line")
console.run("keras-kd-train", "About", step, ["keras-kd-train"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a line\n", "")
    kept = (tmp_path / "tensorflow.log").read_text()
    for note in ("triggered tf.function retracing", "is legacy", "an old file", "a wheel is old"):
        assert note in kept, note
