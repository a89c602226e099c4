"""The page that follows a run: asked for over HTTP while a tiny run's files change."""

import http.client
import json

import pytest
from html_page import complete

from keras_kd.config import base
from keras_kd.export import watch
from keras_kd.export.watch import page_of, progress, watching


@pytest.fixture
def running(tmp_path):
    """A run at step 30 of 100 of its second stage, 10 s for the last ten steps."""
    (tmp_path / "config.json").write_text(
        json.dumps({"name": "mine", "stages": ["teacher", "distil"]})
    )
    lines = [
        {"stage": "teacher", "step": 5, "loss": 1.0, "val_accuracy": 0.9, "seconds": 1.0},
        {"stage": "distil", "step": 20, "loss": 1.0, "val_accuracy": 0.5, "seconds": 90.0},
        {"stage": "distil", "step": 30, "loss": 0.5, "val_accuracy": 0.75, "seconds": 10.0,
         "images_per_second": 64.0},
    ]  # fmt: skip
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for stage, total in (("teacher", 5), ("distil", 100)):
        folder = tmp_path / "checkpoints" / stage
        folder.mkdir(parents=True)
        pieces = [{"since": 0, "start": 0, "stop": total}]
        (folder / "lengths.json").write_text(json.dumps({"pieces": pieces}))
    (tmp_path / "checkpoints" / "teacher" / "result.json").write_text("{}")
    return tmp_path


def ask(address, path="/", host=None):
    """(status, body) of a real request."""
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=60)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_progress(running):
    config = json.loads((running / "config.json").read_text())
    teacher, distil = progress(running, config, watch.logged(running / "metrics.jsonl"))
    assert teacher["done"] and teacher["left"] is None and teacher["accuracy"] == 0.9
    # 70 steps are left, at a second each.
    assert (distil["step"], distil["total"], distil["left"]) == (30, 100, 70.0)
    assert not distil["done"] and distil["rate"] == 64.0


def test_stages_that_are_loaded_or_left_out_are_none(running):
    config = base()
    config.teacher.handle, config.baseline.enabled = "model.keras", False
    (running / "config.json").write_text(config.to_json_best_effort())
    lines = (running / "metrics.jsonl").read_text().splitlines()[1:]
    (running / "metrics.jsonl").write_text("\n".join(lines))
    config = json.loads((running / "config.json").read_text())
    (only,) = progress(running, config, watch.logged(running / "metrics.jsonl"))
    assert only["name"] == "distil"
    assert "Stage distil is at step 30 of 100" in page_of(running)


def test_a_request_while_the_run_goes_on(running, monkeypatch):
    monkeypatch.setattr(watch, "EVERY", 0)  # seconds between two pages that are drawn
    with watching(running, 0) as address:
        status, body = ask(address)
        page = complete(body, scripts=True)
        assert status == 200 and "Stage distil is at step 30 of 100" in page.text
        assert "about 1 min 10 s left" in page.text and page.tags.count("svg") == 2
        with open(running / "metrics.jsonl", "a") as file:
            file.write('{"stage": "distil", "step": 40, "loss": 0.4, "seconds": 20.0}\n{"sta')
        # 60 steps at two seconds; half a line is none yet.
        assert "step 40 of 100; about 2 min 0 s left" in complete(ask(address)[1], True).text
        assert ask(address, "/config.json")[0] == 404
        assert ask(address, host="elsewhere.example:80")[0] == 403
    with pytest.raises(ConnectionRefusedError):
        ask(address)


def test_it_draws_no_more_often_than_it_says(running, monkeypatch):
    drawn = []
    monkeypatch.setattr(watch, "page_of", lambda workdir: drawn.append(workdir) or "page")
    with watching(running, 0) as address:
        for step in (50, 60, 70):
            assert ask(address) == (200, "page")
            with open(running / "metrics.jsonl", "a") as file:
                file.write(json.dumps({"stage": "distil", "step": step}) + "\n")
    assert len(drawn) == 1


def test_errors_of_the_page_do_not_reach_the_run(running, monkeypatch):
    def fail(workdir):
        raise RuntimeError("no page")

    monkeypatch.setattr(watch, "page_of", fail)
    with watching(running, 0) as address:
        assert ask(address) == (500, "The run's log cannot be shown: no page")
    with pytest.raises(KeyError, match="the run's own"), watching(running, 0):
        raise KeyError("the run's own")  # passes, and the server ends


@pytest.mark.parametrize("config", [None, "{", "[1]", '{"stages": 3}'])
def test_folders_of_which_little_is_known(tmp_path, config):
    assert "Nothing is logged yet." in complete(page_of(tmp_path / "missing"), True).text
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    folder = tmp_path / "checkpoints" / "distil"
    folder.mkdir(parents=True)
    (folder / "lengths.json").write_text('{"pieces": [3]}')
    (tmp_path / "metrics.jsonl").write_text('{"stage": "distil", "step": 1}\n{"stage": "dis')
    page = complete(page_of(tmp_path), True)
    assert "Stage distil is at step 1." in page.text


def test_names_from_outside_are_escaped(running):
    evil = "</script><script>alert('x')</script>"
    (running / "config.json").write_text(json.dumps({"name": evil, "stages": [evil]}))
    page = complete(page_of(running), scripts=True)
    assert page.tags.count("script") == 1 and evil in page.text


def test_a_run_that_is_finished(running):
    (running / "report.json").write_text("{}")
    assert "report.html tells of it" in page_of(running)
