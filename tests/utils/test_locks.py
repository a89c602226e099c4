"""A lock that a killed process gives back, and what is said while one waits or cannot lock."""

import errno
import logging
import multiprocessing
import os
import warnings

import pytest

from keras_kd.utils.locks import exclusive


def hold(folder, inside, ended):
    with exclusive(folder):
        inside.set()
        ended.wait(60)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `tmp_path`."""
    context = multiprocessing.get_context("fork")
    inside, ended = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, inside, ended))
    process.start()
    assert inside.wait(60)
    yield process
    process.kill()  # an event whose waiter was killed cannot be set any more
    process.join(60)


class Killing(logging.Handler):
    """Kills a process as soon as something is logged, and keeps what."""

    def __init__(self, process):
        super().__init__(logging.INFO)
        self.process, self.lines = process, []

    def emit(self, record):
        self.lines.append(record.getMessage())
        self.process.kill()


def test_a_killed_process_gives_its_lock_back(tmp_path, holder, logged):
    handler = Killing(holder)
    logging.getLogger("keras_kd").addHandler(handler)
    try:
        with exclusive(tmp_path):
            assert handler.lines == [
                f"Waiting for the process that prepares the teacher in {tmp_path}."
            ]
    finally:
        logging.getLogger("keras_kd").removeHandler(handler)


def test_a_free_lock_is_taken_in_silence_again_and_again(tmp_path, logged):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with exclusive(tmp_path / "new"):
                assert os.listdir(tmp_path / "new") == ["teacher.lock"]
    assert logged() == []


def test_an_error_inside_gives_it_back(tmp_path):
    with pytest.raises(KeyError), exclusive(tmp_path):
        raise KeyError
    with exclusive(tmp_path):
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_lets_everybody_in_and_warns(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    entered = []
    told = pytest.warns(UserWarning, match=r"has no locks .*start one process there at a time")
    with told, exclusive(tmp_path):
        entered.append(True)
    assert entered


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(OSError, match=r"must be writable \(.*give another --workdir")
    with refused as raised, exclusive(tmp_path / "file" / "folder"):
        pass
    assert raised.value.errno == errno.ENOTDIR
