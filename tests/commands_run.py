"""Commands as a user starts them: in a process of their own."""

import subprocess
import sys


def run_command(name, *flags):
    """Runs `keras-kd-NAME` with flags: a `subprocess.CompletedProcess`, its output as text."""
    code = f"from keras_kd.commands.{name} import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, flags)], capture_output=True, text=True
    )


def assert_a_mistake(done, name, expected):
    """One line, without a traceback, and exit code 2."""
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("keras-kd-")]
    assert len(lines) == 1 and lines[0].startswith(f"keras-kd-{name}: ")
    assert expected in lines[0], lines[0]
