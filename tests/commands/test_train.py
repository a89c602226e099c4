"""The console of a run: progress, results, and what a user can act on; nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHORT = [
    "--config=configs/digits.py", "--config.batch_size=16",
    "--config.teacher.model.kwargs.depth=8", "--config.teacher.model.kwargs.width=0.5",
    "--config.student.model.kwargs.width=0.25", "--config.teacher.train.total=4 steps",
    "--config.baseline.enabled=False", "--config.distil.total=4 steps",
    "--config.export.formats=('float32', 'int8')", "--config.export.calibration_images=8",
]  # fmt: skip
# What stdout may hold, each line one of these from its beginning to its end.
LINES = [
    r"digits: 1,297 training images, 10 classes, 1 replica\(s\), batch 16",
    r"teacher engine: (graph|xla|litert|keras) built in [\d.]+ s",
    r"teacher engine: images/s: .* -> \w+",
    r"Exporting the student: [\d,]+ parameters, checked on 500 images of split 'test'\.",
    r"  (keras|float32|int8) +\S.*",
    r"  Pillow (bilinear|bicubic) \(anti-aliased\): the same answer on [\d.]+% of 500 test images",
    r"( +accuracy  95 % interval  agreement  parameters .*)?",
    r"[- ]+",
    r"(teacher|student|float32|int8) +[\d.]+ %.*",
    r"Report: .*/report\.html",
    r"In the browser: (.*/)?keras-kd-export --workdir=.* --serve",
]
BAR = r"(teacher |distil  ): .*img/s.*|"


def console(module, *arguments):
    """(lines of stdout, lines of stderr) of a command that must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True, text=True, cwd=REPOSITORY, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines(), re.split(r"[\r\n]+", done.stderr)


@pytest.mark.slow
def test_the_console_of_a_run_holds_nothing_else(tmp_path):
    out, err = console("keras_kd.train", *SHORT, f"--workdir={tmp_path}")
    strange = [line for line in out if not any(re.fullmatch(one, line) for one in LINES)]
    strange += [line for line in err if not re.fullmatch(BAR, line)]
    assert not strange
    assert any("img/s" in line for line in err)
    assert (tmp_path / "tensorflow.log").stat().st_size > 0
    out, err = console("keras_kd.commands.report", f"--workdir={tmp_path}")
    assert (out, err) == ([f"Report: {tmp_path / 'report.html'}"], [""])
