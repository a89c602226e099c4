"""The progress bar: what it counts, and how seldom it speaks into a file."""

import io
import sys

from keras_kd.utils.bars import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_goes_on_from_what_was_done(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("distil", 200, 50) as bar:
        assert (bar.n, bar.total, bar.unit, bar.desc) == (50, 200, "img", "distil  ")
        bar.update(150)
        assert bar.n == 200
    assert "100%" in sys.stderr.getvalue()


def test_a_file_gets_a_state_every_ten_seconds_and_a_terminal_twice_a_second(monkeypatch):
    for stream, seconds in ((io.StringIO(), 10.0), (Terminal(), 0.5)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar("targets", 10, unit="view") as bar:
            assert bar.mininterval == seconds and bar.unit == "view"
