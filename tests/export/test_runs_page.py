"""Runs side by side: the page is complete, and there for runs of every kind."""

import json

import pytest
from html_page import complete

from keras_kd.export import runs_page
from keras_kd.export.runs_page import labels, render_runs


def change(workdir, **values):
    path = workdir / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def read(workdirs, path):
    return complete(render_runs(workdirs, path).read_text(encoding="utf-8"))


def test_the_page(two_runs, tmp_path):
    page = read(two_runs, tmp_path / "page.html")
    assert page.text.count("first") > 3 and "2 runs compared" in page.text
    # Of 30 images three are the first's alone, and none the second's: 2 / 2**3.
    assert "0.250" in page.text and "may be chance" in page.text
    assert "which may be chance" in page.text  # in the headline
    assert page.tags.count("svg") == 4
    for row in ("int8 99.00 % 50.0 kB 0.200 ms bytes", "int8 99.50 % 90.0 kB 0.100 ms bytes"):
        assert row in page.text
    assert "seed 0 7" in page.text
    assert "data.resolution" not in page.text  # the same in both


def test_it_is_the_same_every_time(two_runs, tmp_path):
    first = render_runs(two_runs, tmp_path / "a.html").read_bytes()
    assert first == render_runs(two_runs, tmp_path / "b.html").read_bytes()


def test_the_same_directory_twice(two_runs, tmp_path):
    again = two_runs[0] / ".." / two_runs[0].name
    with pytest.raises(ValueError, match=r"once\. Received: .*first, which is given twice"):
        render_runs([*two_runs, again], tmp_path / "page.html")
    with pytest.raises(ValueError, match="two runs or more"):
        render_runs(two_runs[:1], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_folders_that_are_no_runs(two_runs, tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=r"Expected the working directory of a run.*photos"):
        render_runs([two_runs[0], tmp_path / "photos"], tmp_path / "page.html")
    (two_runs[1] / "report.json").write_text('{"name": ')
    with pytest.raises(ValueError, match=r"second/report\.json is not valid JSON"):
        render_runs(two_runs, tmp_path / "page.html")


@pytest.mark.parametrize("kept", ["config.json", "report.json", "metrics.jsonl"])
def test_unfinished_runs(two_runs, tmp_path, kept):
    for path in two_runs[1].iterdir():
        if path.name != kept:
            path.unlink()
    page = read(two_runs, tmp_path / "page.html")
    why = "keeps no answers" if kept == "report.json" else "second is not finished"
    assert why in page.text
    assert ("not finished: distil, step 5" in page.text) == (kept == "metrics.jsonl")


def test_runs_of_which_nothing_is_evaluated(two_runs, tmp_path):
    for run in two_runs:
        (run / "report.json").unlink()
    assert "None of these runs has been evaluated" in read(two_runs, tmp_path / "page.html").text


def test_text_from_outside_is_escaped(two_runs, tmp_path):
    evil = "<script>alert('x')</script>"
    change(two_runs[0], name=evil, dataset=evil, student={"name": evil, "accuracy": 0.5})
    exports = {evil: {"bytes": 1, "accuracy": 0.9, "latency_ms": 1}}
    change(two_runs[1], exports=exports)
    config = json.loads((two_runs[0] / "config.json").read_text())
    (two_runs[0] / "config.json").write_text(json.dumps({**config, "name": evil}))
    page = read(two_runs, tmp_path / "page.html")
    assert "script" not in page.tags and page.text.count(evil) > 3


def test_labels_are_as_short_as_they_can_be(tmp_path):
    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run", tmp_path / "other"]
    assert labels(paths) == ["a/run", "b/run", f"{tmp_path.name}/other"]
    assert labels(paths[1:]) == ["run", "other"]


def test_every_run_has_its_colour():
    assert len({runs_page._colour(place) for place in range(12)}) == 12
