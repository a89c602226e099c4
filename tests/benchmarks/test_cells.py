"""Studies: cells are worked on once, in their order, and one that fails stops no other."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cells
import digits
import funmatch_study
import methods
import numpy as np
import pytest
import summary
from scipy import stats

from keras_kd.config import base, check
from keras_kd.utils import processors

REPOSITORY = Path(__file__).resolve().parents[2]
BENCHMARKS = REPOSITORY / "benchmarks"
STUDIES = (digits, funmatch_study, methods)
# A study without TensorFlow. Every start of a cell leaves a line; `slow` goes on where it was.
SCRIPT = f"""
import os, sys, time
from pathlib import Path
sys.path[:0] = [{str(BENCHMARKS)!r}, {str(REPOSITORY)!r}]
import cells

def add_flags(parser):
    parser.add_argument("--value", type=int, default=1)

def list_cells(options):
    def cell(name, needs=(), idle=False):
        return cells.Cell(name, {{"kind": "any", "value": options.value}}, needs, 600, idle)
    return [cell("base"), cell("bad"), cell("after-base", ("base",)), cell("after-bad", ("bad",)),
            cell("slow"), cell("timing", idle=True)]

def work(cell, folder, options):
    with open(folder / "starts.txt", "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    if cell.name == "bad" and not (folder / "mended").exists():
        raise RuntimeError("out of\\n luck")
    if cell.name == "slow":
        (folder / "half").touch()
        while not (folder.parent / "go").exists():
            time.sleep(0.05)
    return {{"score": options.value}}

def summarize(results, options):
    print(sorted(result["cell"] for result in results))

if __name__ == "__main__":
    sys.exit(cells.main(cells.Study("tiny", __file__, list_cells, work, summarize, add_flags)))
"""


@pytest.fixture
def start(tmp_path):
    """Function that starts the study with flags: its finished process."""
    script = tmp_path / "tiny.py"
    script.write_text(SCRIPT)
    (tmp_path / "workdir/tiny").mkdir(parents=True)

    def run(*flags, wait=True):
        places = [f"--workdir={tmp_path}/workdir", f"--results={tmp_path}/results"]
        command = [sys.executable, str(script), *places, *flags]
        options = {"cwd": tmp_path, "text": True}
        if wait:
            return subprocess.run(command, capture_output=True, **options)
        return subprocess.Popen(command, stdout=subprocess.PIPE, **options)

    return run


def starts(tmp_path, name):
    file = tmp_path / "workdir/tiny" / name / "starts.txt"
    return len(file.read_text().split()) if file.exists() else 0


def result(tmp_path, name):
    return json.loads((tmp_path / "results/tiny" / f"{name}.json").read_text())


def test_a_cell_that_fails_is_noted_and_the_next_goes_on(start, tmp_path):
    done = start("--only=base,bad,after-*")
    assert done.returncode == 1
    assert "bad: failed, exit code 1" in done.stdout
    assert "after-bad: left, needs bad" in done.stdout
    assert "luck" in (tmp_path / "workdir/tiny/bad/failed.txt").read_text()
    assert result(tmp_path, "after-base")["score"] == 1
    assert not (tmp_path / "results/tiny/after-bad.json").exists()
    assert "failed" in start("--list", "--only=bad").stdout
    (tmp_path / "workdir/tiny/bad/mended").touch()
    done = start("--only=after-bad")  # what it needs is worked on too
    assert done.returncode == 0
    assert result(tmp_path, "after-bad")["facts"] == {"kind": "any", "value": 1}
    assert not (tmp_path / "workdir/tiny/bad/failed.txt").exists()
    assert starts(tmp_path, "bad") == 2 and starts(tmp_path, "base") == 1


def test_nothing_is_summed_up_where_nothing_is_done(start):
    refused = start("--summary")
    assert refused.returncode == 2 and "no cell of the study is done yet" in refused.stderr


def test_done_cells_are_skipped_and_those_of_other_settings_refused(start, tmp_path):
    assert start("--only=base").returncode == 0
    again = start("--only=base")
    assert "1 of 1 cells are done" in again.stdout and starts(tmp_path, "base") == 1
    other = start("--only=base", "--value=2")
    assert other.returncode == 2
    assert "value: 1 there, 2 here" in other.stderr and starts(tmp_path, "base") == 1
    assert start("--summary").stdout.strip() == "['base']"
    mixed = start("--summary", "--value=2")
    assert mixed.returncode == 2 and "value: 1 there, 2 here" in mixed.stderr


def test_a_stopped_study_stops_its_cell_and_goes_on_with_it(start, tmp_path):
    study, half = start("--only=slow", wait=False), tmp_path / "workdir/tiny/slow/half"
    for _ in range(200):
        if half.exists():
            break
        time.sleep(0.05)
    held = start("--only=slow")  # beside the other
    assert "another process is at work on it" in held.stdout and starts(tmp_path, "slow") == 1
    study.send_signal(signal.SIGTERM)
    assert study.wait(20) == 128 + signal.SIGTERM
    study.stdout.close()
    worker = int((tmp_path / "workdir/tiny/slow/starts.txt").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    (tmp_path / "workdir/tiny/go").touch()
    assert start("--only=slow").returncode == 0
    spent = float((tmp_path / "workdir/tiny/slow/minutes.txt").read_text())
    assert result(tmp_path, "slow")["minutes"] >= round(spent, 3) > 0
    assert starts(tmp_path, "slow") == 2


def test_nothing_is_started_after_the_time_and_no_timing_beside_the_rest(start, tmp_path):
    done = start("--time=0", "--only=base,after-base")
    assert "base: left, the time is over" in done.stdout and done.returncode == 0
    assert start("--only=timing").returncode == 2
    assert start("--idle", "--only=timing").returncode == 0
    assert starts(tmp_path, "base") == 0 and starts(tmp_path, "timing") == 1


def test_several_cells_at_once(start, tmp_path):
    (tmp_path / "workdir/tiny/go").touch()
    jobs = min(2, processors.usable())
    assert start(f"--jobs={jobs}", "--only=base,after-base,slow").returncode == 0
    assert {result(tmp_path, name)["score"] for name in ("base", "after-base", "slow")} == {1}


def test_commits_the_result_and_nothing_else(start, tmp_path):
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    for key, value in (("name", "n"), ("email", "e@example.com")):
        subprocess.run(["git", "config", f"user.{key}", value], cwd=tmp_path, check=True)
    (tmp_path / "other").touch()
    subprocess.run(["git", "add", "other"], cwd=tmp_path, check=True)
    assert "not committed" not in start("--commit", "--only=base").stdout
    show = ["git", "show", "--name-only", "--format=%s"]
    shown = subprocess.run(show, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n\n") == ["Study tiny: base", "results/tiny/base.json\n"]


def test_the_plan_follows_the_done_cells(start, tmp_path):
    assert "no rate is known" in start("--plan").stdout
    assert start("--only=base").returncode == 0
    path = tmp_path / "results/tiny/base.json"
    path.write_text(json.dumps({**result(tmp_path, "base"), "minutes": 0.5}))
    plan = start("--plan", "--only=base,slow,after-base").stdout
    assert "any 20/s" in plan  # 600 images in half a minute
    assert "0.0 hours left" in plan and plan.count("done") == 1


def test_a_cell_before_what_it_needs_is_refused():
    study = [cells.Cell("b", {}, needs=("a",)), cells.Cell("a", {})]
    with pytest.raises(ValueError, match="stand behind what they need"):
        cells._check(study)


@pytest.mark.parametrize("module", STUDIES, ids=lambda module: module.__name__)
def test_the_studies_list_their_cells_without_tensorflow(module):
    script = BENCHMARKS / f"{module.__name__}.py"
    # A study's parent lives for hours beside its cells.
    code = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        f"sys.argv = [{str(script)!r}, '--plan', '--results=nowhere']\n"
        "try:\n"
        f"    runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print(end.code, 'tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "0 False", done.stderr


def test_interval_is_students():
    values = [0.61, 0.64, 0.58]
    found = summary.interval(values)
    # The table of Student's t: 4.303 at two degrees of freedom.
    assert found["mean"] == pytest.approx(0.61)
    assert found["half"] == pytest.approx(4.303 * 0.03 / 3**0.5, rel=1e-4)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found["half"] == pytest.approx((high - low) / 2)
    assert summary.interval([0.5])["half"] is None
    assert summary.points(summary.interval([0.5, 0.5])) == "50.00 ± 0.00"


def test_paired_takes_the_difference_within_a_seed():
    found = summary.paired({0: 0.5, 1: 0.75, 2: 1.0}, {1: 0.25, 0: 0.25})
    assert found["mean"] == pytest.approx(0.375)
    assert found["half"] == pytest.approx(12.706 * 0.125, rel=1e-4)
    assert summary.paired({0: 1.0}, {1: 1.0}) is None


def test_pages_change_between_their_markers_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n")
    summary.put_between(page, "x", "new\nlines")
    summary.put_between(page, "x", "new\nlines")
    assert page.read_text() == "a\n<!-- x: begin -->\nnew\nlines\n<!-- x: end -->\nb\n"
    with pytest.raises(ValueError, match="y: begin"):
        summary.put_between(page, "y", "")


def method_result(name, seed, accuracy, kind="method"):
    return {
        "facts": {"kind": kind, "method": name, "seed": seed},
        "accuracy": accuracy,
        "validation": {"accuracy": accuracy},
        "test": {"accuracy": accuracy, "agreement": 0.5},
        "images_per_second": 100.0,
        "parameters": 75,
    }


def test_the_methods_tables_hold_means_differences_and_costs():
    results = [method_result("soft_targets", seed, 0.60 + seed / 100) for seed in (0, 1)]
    results += [method_result("dkd", seed, 0.62 + seed / 100) for seed in (0, 1)]
    results += [method_result("labels", 0, 0.5, kind="labels")]
    results += [{"facts": {"kind": "cost", "method": "dkd"}, "ratio": 1.25, "quartiles": [1, 2]}]
    found = methods.aggregate(results)
    assert found["students"]["dkd"]["above_plain"]["mean"] == pytest.approx(0.02)
    rows = methods.results_table(found).splitlines()
    assert rows[3].startswith("| `dkd` | 62.50 ± 6.35 | +2.00 ± 0.00 | 50.00 ± 0.00 | 75 | 2 |")
    page = (REPOSITORY / "docs" / "methods.md").read_text(encoding="utf-8")
    table = methods.with_columns(summary.between(methods.PAGE, "methods"), found)
    assert "| `dkd.py` | 1.25 | 62.50 ± 6.35 |" in table
    assert methods.with_columns(table, found) == table  # a second time changes nothing
    configs = {f"{name}.py" for name in methods.METHODS}
    assert {line.split("|")[6].strip(" `") for line in table.splitlines()[2:]} == configs
    assert page.count("<!-- methods: begin -->") == 1


def test_the_digits_table_has_both_shares():
    results = [
        {"facts": {"kind": kind, "share": share, "seed": seed}, "accuracy": accuracy + seed / 100}
        for share, scores in (("all", (0.98, 0.99)), ("tenth", (0.8, 0.9)))
        for kind, accuracy in zip(("labels", "student"), scores)
        for seed in (0, 1, 2)
    ]
    found = digits.aggregate(results)
    assert found["tenth"]["student - labels"]["mean"] == pytest.approx(0.1)
    assert "+1.00 ± 0.00 | +10.00 ± 0.00" in digits.results_table(found)


def test_the_funmatch_table_orders_lengths_and_modes():
    def run(mode, length, epochs, seed, accuracy):
        facts = {"kind": "distil", "mode": mode, "length": length, "epochs": epochs, "seed": seed}
        split = {"accuracy": accuracy, "agreement": accuracy, "kl": 0.1}
        rest = {"train": split, "test": split, "images_per_second": 1.0}
        return {"facts": facts, "accuracy": accuracy, **rest}

    results = [run("mix", "long", 300, seed, 0.9 + seed / 100) for seed in (0, 1)]
    results += [run("mix", "short", 30, 0, 0.5), run("fix/rs", "short", 30, 0, 0.6)]
    results += [run("mix", "patient", 900, 0, 0.95)]  # a length of its own, for few modes
    found = funmatch_study.aggregate(results)
    rows = funmatch_study.results_table(found).splitlines()
    assert rows[0].startswith("| mode | 30 epochs | 300 epochs | 900 epochs | each seed |")
    assert rows[2].startswith("| `fix/rs` | 60.0 | – | – |")  # noqa: RUF001 - the page's dash
    assert rows[3] == "| `mix` | 50.0 | 90.5 | 95.0 | 90.0, 91.0 | 90.5 | 90.5 | 0.10, 0.10, 0.10 |"


def options(**changes):
    values = {"thin": False, "summary": False, "data_dir": "DATA", "weights": "lite0.npz"}
    return SimpleNamespace(**{**values, "dataset": "flowers12", **changes})


def test_facts_hold_what_a_config_changes_and_no_places():
    config = base()
    config.seed, config.data.data_dir, config.distil.total = 3, "somewhere", "7 epochs"
    config.teacher.model.kwargs = {"depth": (1, 2), "weights": "somewhere"}
    found = cells.settings(config)
    assert found == {"config.distil.total": "7 epochs", "config.teacher.model.kwargs.depth": [1, 2]}
    assert cells.settings(config, without=("distil", "teacher")) == {}
    with config.unlocked():
        config.distil.methods = {"soft_targets": {"temperature": 4.0}}
    assert cells.settings(config)["config.distil.methods.soft_targets.temperature"] == 4.0


@pytest.mark.parametrize("module", STUDIES, ids=lambda module: module.__name__)
def test_every_cell_has_a_config_that_is_right_and_facts_of_its_own(module):
    found = {cell.name: cell for cell in module.list_cells(options())}
    students = [cell for cell in found.values() if cell.facts["kind"] not in ("cost", "targets")]
    facts = [json.dumps(cell.facts, sort_keys=True) for cell in students]
    assert len(set(facts)) == len(students)
    assert all(any(key.startswith("config.") for key in cell.facts) for cell in found.values())


def test_the_funmatch_cells_share_a_teacher_its_targets_and_their_lengths(tmp_path):
    found = {cell.name: cell for cell in funmatch_study.list_cells(options())}

    def config(name):
        facts = found[f"flowers12-{name}"].facts
        made = funmatch_study.config_of(facts, options(), tmp_path / f"flowers12-{name}")
        check(made)
        return made

    teacher = str(tmp_path / "flowers12-teacher" / "teacher.keras")
    for mode in funmatch_study.MODES:
        word = mode.replace("/", "_")
        targets = config(f"targets-{word}-1")
        assert targets.teacher.handle == teacher and targets.distil.mode == mode
        for length, epochs in funmatch_study.TASKS["flowers12"].epochs.items():
            name = f"{word}-{length}-1"
            student, labels = config(name), config(f"scratch-{length}-1")
            assert student.distil.total == labels.baseline.total == f"{epochs} epochs"
            for key in ("teacher_cache", "fixed_targets", "seed", "batch_size"):
                assert student[key] == targets[key]
            assert (
                bool(student.fixed_targets)
                == mode.startswith("fix/")
                != bool(student.teacher_cache)
            )
            assert f"flowers12-targets-{word}-1" in found[f"flowers12-{name}"].needs
            assert (student.seed, student.distil.label_weight) == (1, 0.0)
            assert student.distil.learning_rate == labels.baseline.learning_rate
    assert config("targets-mix-0").distil.total == "300 epochs"  # of the longest student
    assert config("fix_ic_ens-short-0").distil.fix_crops == funmatch_study.FIX_CROPS
    weights = str(tmp_path / "flowers12-pretraining" / "student.keras")
    for name in ("transfer-short-0", "mix_pretrained-short-0"):
        assert config(name).student.init == weights
    assert config("scratch-short-0").student.init == config("mix-short-0").student.init == ""
    for name in ("mix_pretrained-long-0", "mix-patient-0", "patient-targets-mix-0"):
        assert config(name).teacher_cache == config("mix-long-0").teacher_cache


def test_students_of_different_teachers_are_not_summed_up():
    results = [{"facts": {"kind": "distil", "epochs": 1}, "teacher": name} for name in "ab"]
    with pytest.raises(ValueError, match=r"one teacher\. Received: teachers a, b"):
        funmatch_study.aggregate(results)


def test_the_digits_students_take_equal_steps_and_labels_where_they_should():
    configs = {
        (cell.facts["share"], cell.facts["kind"]): digits.config_of(cell.facts)
        for cell in digits.list_cells(options(thin=True))
    }
    for (share, kind), config in configs.items():
        check(config)
        labelled = kind != "student"  # what is distilled sees all images, without their labels
        tenth = share == "tenth" and labelled
        assert config.data.train_split == ("train[:10%]" if tenth else "train")
        assert config.baseline.total == config.distil.total
        assert config.distil.label_weight == 0.0


@pytest.mark.slow
def test_a_thin_funmatch_study_runs(real_data, real_weights, tmp_path):
    """One cell of each kind, and the tables."""
    flags = [f"--data_dir={real_data}", f"--weights={real_weights / 'efficientnet_lite0.npz'}"]
    flags += ["--thin", f"--workdir={tmp_path}/work", f"--results={tmp_path}/results"]
    only = "--only=*-mix_pretrained-short-0,*-transfer-short-0,*-fix_ic_ens-short-0"
    command = [sys.executable, str(BENCHMARKS / "funmatch_study.py"), *flags]
    done = subprocess.run([*command, only], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    table = subprocess.run([*command, "--summary"], capture_output=True, text=True).stdout
    assert "| `mix`, pretrained |" in table and "| `fix/ic_ens` |" in table


def test_the_funmatch_lengths_span_a_factor_of_ten():
    for task in funmatch_study.TASKS.values():
        lengths = list(task.epochs.values())
        assert lengths == sorted(lengths) and lengths[-1] >= 10 * lengths[0]
