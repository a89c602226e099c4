"""Times of files in turns, on a clock of which every second is known."""

import pytest

from keras_kd.export import formats, latency
from keras_kd.export.format import Format
from keras_kd.utils import processors


class Runner:
    """Takes the given seconds, one after the other; notes who ran when."""

    image_shape = (2, 2, 1)

    def __init__(self, name, seconds, threads, order):
        self.name, self.seconds, self.threads, self.order = name, list(seconds), threads, order

    def timed(self, image):
        assert image.shape == (1, 2, 2, 1)
        self.order.append(self.name)
        return self.seconds[len([one for one in self.order if one == self.name]) - 1]


class Kind(Format):
    def __init__(self, seconds, order, own=False):
        self._seconds, self._order, self._own = seconds, order, own

    def open(self, path, threads=1):
        told = None if self._own else threads
        return Runner((path, threads), self._seconds, told, self._order)


def test_files_are_timed_in_turns(monkeypatch):
    monkeypatch.setattr(processors, "usable", lambda: 4)
    order = []
    # Two runs to warm up, then turns of 1 to 5 s, each behind a run of 9 s that does not count.
    seconds = [9] * 4 + [s for k in range(1, 6) for s in (9, k)]
    files = {"a": (Kind(seconds, order), "a"), "b": (Kind([4] * 14, order, own=True), "b")}
    facts = latency.compare_latency(files, turns=5)
    assert facts["threads"] == 4
    one, all_, own = facts["rows"]
    assert one == all_ | {"threads": 1} and all_["threads"] == 4
    told = [one[key] for key in ("low_ms", "median_ms", "high_ms", "p90_ms", "runs")]
    assert told == pytest.approx([2000, 3000, 4000, 4600, 5])
    assert own["threads"] is None and own["median_ms"] == own["p90_ms"] == pytest.approx(4000)
    assert [set(order[at : at + 6]) for at in range(12, 42, 6)] == [set(order)] * 5
    assert latency.compare_latency({})["rows"] == []


def test_a_file_that_cannot_be_opened_any_more_is_left_out(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(processors, "usable", lambda: 1)
    broken = tmp_path / "student_int8.tflite"
    broken.write_bytes(b"no model")
    files = {"int8": (formats.get("int8"), broken), "a": (Kind([4] * 14, []), "a")}
    rows = latency.compare_latency(files, turns=5)["rows"]
    assert [row["format"] for row in rows] == ["a"]
    assert "int8 is not timed, since it cannot be opened" in caplog.text


def test_tflite_files_run_with_and_without_xnnpack(exported, monkeypatch):
    monkeypatch.setattr(processors, "usable", lambda: 2)
    ways = formats.get("int8").ways(exported("int8")[0])
    assert [way for way, _ in ways] == [
        {"threads": 1, "xnnpack": True},
        {"threads": 1, "xnnpack": False},
        {"threads": 2, "xnnpack": True},
        {"threads": 2, "xnnpack": False},
    ]
    monkeypatch.setattr(processors, "usable", lambda: 1)
    assert [way for way, _ in formats.get("int8").ways(exported("int8")[0])] == [
        {"threads": 1, "xnnpack": True},
        {"threads": 1, "xnnpack": False},
    ]


def row(name, median, **changed):
    times = {"median_ms": median, "low_ms": 0.9 * median, "high_ms": 1.1 * median}
    return {"format": name, "threads": 1, "xnnpack": True, **times, **changed}


def test_notes_say_why_integers_may_be_slower():
    slow = {"rows": [row("float32", 1.0), row("int8", 2.0)]}
    assert "no instructions" in latency.notes(slow | {"int8_instructions": []})[0]
    (told,) = latency.notes(slow | {"int8_instructions": ["avx_vnni"]})
    assert told.startswith("int8 takes 2.00 ms an image against 1.00 ms of float32, though the ")
    assert "has avx_vnni" in told
    (unknown,) = latency.notes(slow | {"int8_instructions": None})
    assert "of float32: only large" in unknown
    # Within the spread, faster, or with other kernels: nothing to explain.
    for rows in (
        [row("float32", 1.0), row("int8", 1.1)],
        [row("float32", 1.0), row("int8", 0.5)],
        [row("float32", 1.0), row("int8", 2.0, xnnpack=False)],
        [],
    ):
        assert latency.notes({"int8_instructions": ["i8mm"], "rows": rows}) == []
    assert latency.notes({}) == []


def test_how_a_file_ran_in_words():
    assert latency.how({"threads": 1, "xnnpack": True}) == "1 thread, XNNPACK on"
    assert latency.how({"threads": 2, "xnnpack": False}) == "2 threads, XNNPACK off"
    assert latency.how({"threads": None}) == "its own threads"
