"""The page: complete in itself, escaped, true to the numbers, and there for unfinished runs too."""

import json
import re

import numpy as np
import pytest
from html_page import complete

from keras_kd.export import render


def read(workdir):
    return complete(render(workdir).read_text(encoding="utf-8"))


def change(workdir, **values):
    path = workdir / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def use_real_labels(workdir):
    """Labels of the real test digits, and a teacher and a student that differ on three images."""
    from keras_kd.data import load_source

    label = load_source("digits").split("test").labels
    teacher = 4 * np.eye(10)[label]
    student = teacher.copy()
    student[[5, 70, 499]] = np.roll(student[[5, 70, 499]], 1, axis=-1)
    np.savez(
        workdir / "predictions.npz", label=label, teacher_logits=teacher, student_logits=student
    )


def test_a_finished_run(finished_run):
    use_real_labels(finished_run)
    int8 = {"bytes": 90713, "accuracy": 0.97, "agreement_with_keras": 0.99, "latency_ms": 0.1149}
    float32 = {**int8, "bytes": 290000}
    fallback = {"fallback": "2 tensors stay in float32"}
    change(finished_run, exports={"float32": float32, "int8": {**int8, **fallback}})
    page = read(finished_run)
    # 0.98 / 0.99 = 0.98989..., rounded down; 560,000 / 70,000 = 8.
    assert "keeps 98.9 % of the teacher's accuracy with 1/8 of its parameters" in page.text
    assert "3.00 points more" in page.text  # than the baseline
    assert "90.7 kB" in page.text and "0.115 ms" in page.text and "31 %" in page.text
    assert "* int8: 2 tensors stay in float32." in page.text
    assert "On 3 of 500 test images" in page.text
    # Three pictures of disagreement, three rows of what both see; two curves and reliability.
    assert sum(ref.startswith("data:image/png") for ref in page.references) == 3 + 3 * 6
    assert page.tags.count("svg") == 3
    assert "broken<.jpg" in page.text and "truncated & unreadable" in page.text
    assert "keras-kd-train --config=configs/digits.py --workdir=DIR" in page.text


def test_the_page_is_the_same_every_time(finished_run):
    assert render(finished_run).read_bytes() == render(finished_run).read_bytes()


def test_text_from_outside_is_escaped(finished_run):
    evil = "<script>alert('x')</script>"
    change(finished_run, name=evil, classes=[evil] * 10, dataset=evil)
    config = json.loads((finished_run / "config.json").read_text())
    (finished_run / "config.json").write_text(json.dumps({**config, "note": "</pre>" + evil}))
    lines = [{"stage": evil, "step": 1, "loss": 1.0}, {"stage": evil, "step": 2, "loss": 0.5}]
    exports = {evil: {"bytes": 1, "fallback": evil, "accuracy": evil}}
    change(finished_run, exports=exports, stages={evil: {"network": evil, "parameters": evil}})
    (finished_run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = read(finished_run)
    assert "script" not in page.tags and page.text.count(evil) > 3


@pytest.mark.parametrize("kept", [["config.json"], ["report.json"], ["metrics.jsonl"]])
def test_unfinished_runs_show_what_there_is(finished_run, kept):
    for path in finished_run.iterdir():
        if path.name not in kept:
            path.unlink()
    page = read(finished_run)
    assert ("Do it again" in page.text) and ("svg" in page.tags) == (kept == ["metrics.jsonl"])
    assert ("560,000" in page.text) == (kept == ["report.json"])


def test_a_run_without_baseline_and_student(finished_run):
    change(finished_run, baseline=None, student={}, exports=None, fidelity=None, data=None)
    (finished_run / "predictions.npz").unlink()
    page = read(finished_run)
    assert "The teacher reaches 99.00 %; the student is not done yet." in page.text


def test_pictures_that_cannot_be_shown_say_why(finished_run):
    """The fixture's labels are not those of the digits, and then there is no data at all."""
    assert "no longer the one that was evaluated" in read(finished_run).text
    config = json.loads((finished_run / "config.json").read_text())
    config["data"]["source"] = "folder:nowhere"
    (finished_run / "config.json").write_text(json.dumps(config))
    page = read(finished_run)
    assert "The images cannot be shown" in page.text and "nowhere" in page.text
    assert "On 3 of 30 test images" in page.text and "img" not in page.tags


def test_perfect_agreement_is_said(finished_run):
    stored = dict(np.load(finished_run / "predictions.npz"))
    stored["student_logits"] = stored["teacher_logits"]
    np.savez(finished_run / "predictions.npz", **stored)
    assert "the same answer on all 30 images" in read(finished_run).text
    del stored["teacher_logits"]
    np.savez(finished_run / "predictions.npz", **stored)
    assert "teacher's predictions were not kept" in read(finished_run).text


def test_damaged_files(finished_run, tmp_path):
    (finished_run / "predictions.npz").write_bytes(b"PK half a file")
    read(finished_run)
    (finished_run / "report.json").write_text('{"name": ')
    with pytest.raises(ValueError, match=r"report\.json is not valid JSON"):
        render(finished_run)
    (finished_run / "report.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"report\.json must hold a JSON object.*a list"):
        render(finished_run)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="Expected the working directory of a run"):
        render(tmp_path / "other")


def test_a_log_that_is_being_written_or_is_another_programs(finished_run):
    """Half a last line, of which the last letter is half as well; numbers without a stage."""
    with open(finished_run / "metrics.jsonl", "ab") as file:
        file.write(b'\n{"epoch": 1, "loss": 0.5}\n[1, 2]\n3\n{"stage": "ba\xc3')
    page = read(finished_run)
    assert page.tags.count("svg") == 3


def test_every_stage_has_its_row_and_its_curve(finished_run):
    names = ["large", "assistant", "first", "second", "third", "last"]
    stages = {
        name: {"accuracy": 0.9 + index / 1000, "parameters": 1000 - index, "network": f"net{index}"}
        for index, name in enumerate(names)
    }
    stages["last"]["teachers"] = ["third"]
    change(finished_run, stages=stages, baseline=None)
    lines = [
        {"stage": name, "step": step, "loss": 1 / step, "val_accuracy": 1 - 0.1 / step}
        for name in names
        for step in (1, 2)
    ]
    (finished_run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = read(finished_run)
    assert "6 stages" in page.text and "Teacher, baseline" not in page.text
    for index, name in enumerate(names[:4]):  # the run's teacher and student have their own
        assert f"{name} net{index} {90 + index / 10:.2f} %" in page.text
    source = (finished_run / "report.html").read_text()
    drawn = re.findall(
        r"stroke: ((?:hsl|var)\(.*?\));? ?stroke-width: 1.8", source.replace(")))", ")")
    )
    assert len(set(drawn)) == len(names) and len(drawn) == 2 * len(names)
    legend = re.findall(r'class="chip" style="background:([^"]+)"', source)
    assert [colour in drawn for colour in legend[: len(names)]] == [True] * len(names)
