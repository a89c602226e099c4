"""keras-kd-export --serve: the page, written first where it is not there."""

import os
import shlex
import socket
import threading
import urllib.request

import pytest
from commands_run import assert_a_mistake, run_command

from keras_kd.commands import page


@pytest.fixture
def finished(tmp_path):
    """A run with a page."""
    folder = tmp_path / "export" / "web"
    folder.mkdir(parents=True)
    (folder / "page.json").write_text("{}")
    return tmp_path


@pytest.fixture
def serve(monkeypatch, capsys):
    """Function that serves as `page.serve`, and gives what it wrote and its page's address."""
    running = []

    def start(folder, port):
        running.append(page_server(folder, port))
        return running[-1]

    page_server = page.server
    monkeypatch.setattr(page, "server", start)

    def serve(workdir, formats=None, stale=False):
        written = []

        def write(workdir, formats):
            written.extend(formats)
            (workdir / "export" / "web").mkdir(parents=True, exist_ok=True)
            (workdir / "export" / "web" / "page.json").write_text("{}")

        thread = threading.Thread(target=page.serve, args=(workdir, 0, formats, write))
        thread.start()
        while not running:
            thread.join(0.01)
            assert thread.is_alive()
        with urllib.request.urlopen(running[0].url + "page.json") as answer:
            assert answer.read() == b"{}"
        running[0].shutdown()
        thread.join()
        told = capsys.readouterr().out
        assert running[0].url in told
        assert ("older than the student" in told) == stale
        return written

    return serve


def test_a_page_that_is_there_is_served_as_it_is(finished, serve):
    assert serve(finished) == []


def test_a_page_of_an_older_student_is_told_of(finished, serve):
    (finished / "student.keras").touch()
    os.utime(finished / "export" / "web" / "page.json", (0, 0))
    assert serve(finished, stale=True) == []


def test_what_is_asked_for_is_written_first(finished, serve):
    assert serve(finished, ["float32", "web"]) == ["float32", "web"]


def test_a_page_that_is_not_there_is_written(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(page, "check_formats", lambda names: names)
    assert serve(tmp_path) == ["web"]


def test_a_taken_port_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "check_formats", lambda names: names)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port={port}, which is taken"):
            page.serve(tmp_path, port, None, pytest.fail)


def test_a_port_that_is_none_ends_in_one_line(finished):
    (finished / "config.json").write_text("{}")
    done = run_command("export", f"--workdir={finished}", "--serve", "--port=70000")
    assert_a_mistake(done, "export", "--port must be between 0 and 65535. Received: --port=70000")


def test_the_invitation_is_a_command_that_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "keras-kd-train")])
    line = page.invitation("work dir")
    assert shlex.split(line.partition(": ")[2]) == [
        "keras-kd-export", "--workdir=work dir", "--serve"
    ]  # fmt: skip
    (tmp_path / "keras-kd-export").touch()  # beside the command, in a place that is not searched
    assert page.invitation("dir").split()[3] == str(tmp_path / "keras-kd-export")
