"""keras-kd-export: its help, and mistakes in one line."""

import pytest
from commands_run import assert_a_mistake, run_command

from keras_kd.export import formats


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "Expected the working directory of a training run"),
        (["--workdir=/no/such/folder"], "workdir='/no/such/folder'"),
        (["--workdir={run}", "--formats=flaot32"], "Did you mean 'float32'?"),
        (["--workdir={run}"], "student of a finished run was expected"),
        (["--workdir={run}", "--io=int16"], "--io must be one of int8, uint8, float32"),
        (["--workdir={run}", "--explain=int8", "--serve"], "Received: --explain=int8 with --serve"),
        (["--wrkdir={run}"], "Unknown command line flag 'wrkdir'"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(tmp_path, flags, expected):
    write_config(tmp_path)
    done = run_command("export", *[flag.format(run=tmp_path) for flag in flags])
    assert_a_mistake(done, "export", expected)


def write_config(workdir):
    from keras_kd.config import base

    (workdir / "config.json").write_text(base().to_json_best_effort())


def test_help_lists_what_is_found():
    done = run_command("export", "--help")
    assert "--workdir" in done.stdout and "--formats" in done.stdout
    assert all(name in done.stdout for name in formats.found())
