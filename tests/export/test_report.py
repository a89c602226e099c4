"""The page: complete in itself, escaped, true to the numbers, and there for unfinished runs too."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from keras_kd.export import charts, pictures, render, words
from keras_kd.export.headline import headline

VOID = {"meta", "img", "br", "link", "input", "hr", "use", "path"}


class Page(HTMLParser):
    """Open elements, the text of the page, and everything that refers to something."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.references, self.words = [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        names = ("src", "href", "xlink:href", "action", "poster", "srcset", "data")
        self.references += [value for name, value in attributes if name in names]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read(workdir):
    source = render(workdir).read_text(encoding="utf-8")
    page = Page(source)
    assert not page.open  # every element is closed
    assert all(ref.startswith(("data:image/", "#")) for ref in page.references)
    bare = re.sub(r'"data:image/[^"]*"', "", source)  # base64 may hold any letters, and slashes
    for sign in ("http:", "https:", "//", "@import", "<script"):
        assert sign not in bare, sign
    # url(#id) refers to an element of the page's own charts.
    assert source.count("url(") == source.count("url(#")
    return page


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
    assert sum(ref.startswith("data:image/png") for ref in page.references) == 3
    assert page.tags.count("svg") == 2
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
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="Expected the working directory of a run"):
        render(tmp_path / "other")


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        (0.995, "beats its teacher, 99.50 % against 99.00 %"),
        (0.99, "exactly as accurate as its teacher"),
        (0.98999, "keeps 99.9 %"),  # not rounded up to all of it
    ],
)
def test_headline(student, expected):
    report = {"teacher": {"accuracy": 0.99}, "student": {"accuracy": student}}
    assert expected in headline(report)


def test_the_surest_disagreements_come_first():
    teacher = np.array([[0.6, 0.4], [0.9, 0.1], [0.99, 0.01], [0.2, 0.8]])
    student = np.array([[0.1, 0.9], [0.2, 0.8], [0.99, 0.01], [0.7, 0.3]])
    # Products of the two top probabilities: 0.54, 0.72, (agree), 0.56.
    order, total = pictures.disagreements({"teacher": teacher, "student": student}, most=2)
    assert order.tolist() == [1, 3] and total == 3


def test_softmax_of_large_logits():
    assert pictures.softmax([[1e4, 0.0, -1e4]]).tolist() == [[1.0, 0.0, 0.0]]


def test_curves_keep_the_last_value_and_drop_what_is_not_finite():
    records = [
        {"stage": "distil", "step": 2, "loss": 5.0},
        {"stage": "distil", "step": 1, "loss": 9.0},
        {"stage": "distil", "step": 2, "loss": 4.0},
        {"stage": "distil", "step": 3, "loss": float("nan")},
        {"stage": "teacher", "epoch": 1, "loss": None},
    ]
    assert charts.curves(records, charts.LOSS) == {"distil": ((1, 2), (9.0, 4.0))}
    assert charts.learning_curves({}, "loss") == ""


@pytest.mark.parametrize(
    ("part", "expected"), [(125, "1/8"), (115, "1/8"), (500, "1/2"), (600, "60 %"), (0, None)]
)
def test_fractions_never_overstate(part, expected):
    """1000 / 115 = 8.7 is written 1/8."""
    assert words.fraction(part, 1000) == expected


def test_numbers_as_people_read_them():
    assert words.size(90713) == "90.7 kB" and words.size(2_340_000) == "2.34 MB"
    assert words.duration(95) == "1 min 35 s" and words.duration(3725) == "1 h 2 min"
    assert words.milliseconds(0.1149) == "0.115 ms" and words.milliseconds(12.34) == "12.3 ms"
    assert words.points(-0.0194) == "\u22121.94" and words.points(-1e-9) == "0.00"
    assert words.percent(float("nan")) == words.count(None) == words.size("x") == words.DASH
