"""keras-kd-report: the page of a run, and mistakes in one line."""

import json

import pytest
from commands_run import assert_a_mistake, run_command


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--workdir=/no/such/folder"], "workdir='/no/such/folder'"),
        (["/no/such/folder", "/nor/this"], "workdir='/no/such/folder'"),
        (["--workdir=a", "b"], "Received: --workdir=a b. Write keras-kd-report a b."),
        (["--workdir=/tmp", "--out=page.pdf"], "--out=page.pdf"),
        (["--workdir=/tmp", "--out=a.html", "--watch"], "Received: --watch with --out=a.html."),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(flags, expected):
    assert_a_mistake(run_command("report", *flags), "report", expected)


def test_it_writes_the_page(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"name": "mine", "teacher": {"accuracy": 1}}))
    done = run_command("report", f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    page = tmp_path / "report.html"
    assert "mine" in page.read_text() and done.stdout.strip() == f"Report: {page}"


def test_it_compares_runs(tmp_path, monkeypatch):
    runs = [tmp_path / name for name in ("one", "two")]
    for run in runs:
        run.mkdir()
        (run / "report.json").write_text(json.dumps({"student": {"accuracy": 1}}))
    monkeypatch.chdir(tmp_path)
    done = run_command("report", *runs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Comparison: comparison.html"
    assert "one, two" in (tmp_path / "comparison.html").read_text()
