"""What a study keeps, and the folders that it refuses."""

import sqlite3
import subprocess
import sys
import threading

import pytest

optuna = pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")

from keras_kd.run.search import study as studies  # noqa: E402
from keras_kd.run.search.study import Study  # noqa: E402

ASKED = {"config": {"name": "digits", "data": {"resolution": 8}}, "bytes": 1000.0, "seed": 0}


def run(study, trials):
    """Takes trials to their end by arithmetic; what they drew."""
    drawn = []
    while (trial := study.ask(trials)) is not None:
        x = trial.suggest_float("x", 0.0, 1.0)
        drawn.append(x)
        if x > 0.8:
            study.drop(trial, "outside bytes", {"bytes": x - 0.8})
        else:
            study.complete(trial, 1 - (x - 0.3) ** 2, 1 + x, 100 * x)
    return drawn


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(Study(tmp_path_factory.mktemp("study"), ASKED), 12)


def test_as_many_as_asked_for(tmp_path):
    study = Study(tmp_path, ASKED)
    assert len(run(study, 3)) == 3 and study.ask(3) is None
    assert len(run(Study(tmp_path, ASKED), 5)) == 2  # a later start
    assert len(study.done) == 5


def test_the_same_seed_gives_the_same_proposals(whole, tmp_path):
    """Past the ten at random too, since the same was found."""
    assert run(Study(tmp_path / "a", ASKED), 12) == whole
    assert run(Study(tmp_path / "b", ASKED, seed=1), 3) != whole[:3]
    assert len(set(whole)) == 12


def test_a_killed_search_goes_on_as_if_it_had_not_been(whole, tmp_path, monkeypatch):
    """Killed in its fourth trial, which is proposed again."""
    run(Study(tmp_path, ASKED), 3)
    Study(tmp_path, ASKED).ask(12).suggest_float("x", 0.0, 1.0)
    assert Study(tmp_path, ASKED).ask(4) is None  # somebody is at it
    monkeypatch.setattr(studies, "is_gone", lambda pid: True)
    assert run(Study(tmp_path, ASKED), 12) == whole[3:]


def test_what_is_outside_the_budget_is_not_proposed_for_long(tmp_path):
    """A sampler that learns from the constraint leaves what misses it."""
    drawn = run(Study(tmp_path, ASKED), 26)
    assert sum(x > 0.8 for x in drawn[13:]) <= 1


def test_the_folder_of_another_search(tmp_path):
    Study(tmp_path, ASKED)
    other = {**ASKED, "config": {"name": "digits", "data": {"resolution": 16}}, "bytes": None}
    with pytest.raises(ValueError, match="another search") as refused:
        Study(tmp_path, other)
    assert "--bytes: 1000.0 there, None here" in str(refused.value)
    assert "--config.data.resolution: 8 there, 16 here" in str(refused.value)


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40,
                                     None])  # fmt: skip
def test_a_damaged_file(tmp_path, content):
    run(Study(tmp_path, ASKED), 2)
    path = tmp_path / "study.db"
    whole = path.read_bytes()
    path.write_bytes(content or whole[:4096] + b"\x07" * (len(whole) - 4096))
    with pytest.raises(ValueError, match=r"must be whole\. Received: .*study\.db"):
        Study(tmp_path, ASKED)


def test_a_locked_file(tmp_path):
    Study(tmp_path, ASKED)
    holder = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(OSError, match=r"study\.db \(database is locked\)\. Wait for whoever"):
            Study(tmp_path, ASKED, patience=0.1)
    finally:
        holder.close()
    Study(tmp_path, ASKED)


def test_a_file_that_is_let_go_is_waited_for(tmp_path, caplog, monkeypatch):
    """Another process holds it for a while: that is told, and then the search goes on."""
    monkeypatch.setattr(studies, "AT_ONCE", 0.05)
    caplog.set_level("INFO", "keras_kd")
    Study(tmp_path, ASKED)
    hold = (
        "import sqlite3, sys\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "study.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    let_go = threading.Timer(0.5, holder.communicate, ("now\n",))
    let_go.start()
    study = Study(tmp_path, ASKED, patience=30)
    let_go.join()
    assert "waiting for up to 30 s for whoever holds it" in caplog.text
    assert study.ask(1) is not None


def test_a_file_that_is_locked_later(tmp_path):
    study = Study(tmp_path, ASKED, patience=0.1)
    holder = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(OSError, match="database is locked"), study.kept_open():
            study.ask(1)
    finally:
        holder.close()
    assert study.ask(1) is not None


def test_what_others_try_is_waited_for(tmp_path, monkeypatch):
    """Their trial ends, or they do; then it is proposed again."""
    other, study = Study(tmp_path, ASKED), Study(tmp_path, ASKED)
    theirs = other.ask(1)
    theirs.suggest_float("x", 0.0, 1.0)
    monkeypatch.setattr(studies, "POLL", 0.0)
    assert study.ask(1) is None and study.wait() and study.ask(1) is None
    monkeypatch.setattr(studies, "is_gone", lambda pid: True)
    assert study.wait()
    again = study.ask(1)
    assert again.suggest_float("x", 0.0, 1.0) == theirs.params["x"]
    study.complete(again, 1.0, 1.0, 1.0)
    assert study.ask(1) is None and not study.wait()
