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
    # A turn is a first run of 9 s that does not count, and then 1, 2, 3 s.
    files = {
        "a": (Kind([9, 1, 2, 3] * 5, order), "a"),
        "b": (Kind([9, 4, 4, 4] * 5, order, own=True), "b"),
    }
    seconds = iter(range(0, 1000, 100))
    facts = latency.compare_latency(files, patience=50, clock=lambda: next(seconds))
    assert facts["rounds"] == 5 and facts["threads"] == 4
    one, all_, own = facts["rows"]
    # Of 1, 2, 3 ms five times each, in order: places 3.5, 7, 10.5 and 12.6 of 0 to 14.
    assert one == all_ | {"threads": 1} and all_["threads"] == 4
    told = [one[key] for key in ("low_ms", "median_ms", "high_ms", "p90_ms", "runs")]
    assert told == pytest.approx([1000, 2000, 3000, 3000, 15])
    assert own["threads"] is None and own["median_ms"] == own["p90_ms"] == pytest.approx(4000)
    # In each round every way once, and not always in the same order.
    turns = [tuple(order[i] for i in range(at, at + 12, 4)) for at in range(0, len(order), 12)]
    assert all(len(set(turn)) == 3 for turn in turns) and len(set(turns)) > 1


def test_patience_ends_it_no_sooner_than_five_rounds_and_no_later_than_a_hundred():
    order = []
    files = {"a": (Kind([1e-3] * 1000, order, own=True), "a")}
    facts = latency.compare_latency(files, clock=lambda: 0.0)
    assert facts["rounds"] == 100 and len(order) == 400
    assert latency.compare_latency({}, clock=lambda: 0.0)["rows"] == []


def test_tflite_files_run_with_and_without_xnnpack(exported, monkeypatch):
    monkeypatch.setattr(processors, "usable", lambda: 2)
    ways = formats.get("int8").ways(exported("int8")[0])
    assert [way for way, _ in ways] == [
        {"threads": 1, "xnnpack": True},
        {"threads": 2, "xnnpack": True},
        {"threads": 1, "xnnpack": False},
    ]
    monkeypatch.setattr(processors, "usable", lambda: 1)
    assert len(formats.get("int8").ways(exported("int8")[0])) == 2


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
