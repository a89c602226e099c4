"""keras-kd-search as a user starts it."""

import pytest
from commands_run import assert_a_mistake, run_command

CONFIG = "--config=configs/search_digits.py"


@pytest.mark.parametrize(("flags", "words"), [
    ((), "--config is missing"),
    ((CONFIG,), "--study is missing"),
    ((CONFIG, "--study=none", "--bytes=1MB"), "--bytes must be a number above 0. Received: "
     "--bytes=1MB. Write for example 1_000_000"),
    ((CONFIG, "--study=none", "--formats=int9"), "Received: format='int9'. Did you mean"),
    ((CONFIG, "--study=none", "--formats=int8,saved_model"), "--formats must be formats of TFLite"),
])  # fmt: skip
def test_mistakes(flags, words):
    assert_a_mistake(run_command("search", *flags), "search", words)


def test_without_optuna(tmp_path, monkeypatch):
    from keras_kd.commands import search

    monkeypatch.setattr(search.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "keras-kd\[search\]"'):
        search._command(object(), tmp_path, "", "", 3)


@pytest.mark.slow
def test_a_search_of_real_files(tmp_path):
    pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")
    short = (
        "--config.teacher.model.kwargs.depth=8", "--config.teacher.train.total=2 epochs",
        "--config.data.train_split=train[:300]",
    )  # fmt: skip
    flags = (CONFIG, *short, f"--study={tmp_path}", "--length=10 steps", "--seed=1")
    done = run_command("search", *flags, "--trials=2")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "trial 2 of 2: resnet(" in done.stdout and "Plot: " in done.stdout
    assert {path.name for path in tmp_path.iterdir()} >= {
        "chosen.py", "pareto.png", "results.json", "study.db", "table.txt",
    }  # fmt: skip
    other = run_command("search", *flags, "--trials=2", "--bytes=30_000")
    assert_a_mistake(other, "search", "--bytes: None there, 30000.0 here")
    none = ("--trials=1", "--bytes=9_000", f"--study={tmp_path / 'none'}")
    found = run_command("search", CONFIG, *short, *none, "--formats=int8")
    assert_a_mistake(found, "search", "the nearest of 1 students, resnet(")
