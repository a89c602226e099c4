"""The thread that writes: in order, the newest that waits, and its errors told."""

import errno
import threading

import pytest

from keras_kd.training.writer import Writer


def test_a_slow_disk_gets_the_newest_and_the_step_does_not_wait():
    gate, began, written = threading.Event(), threading.Event(), []

    def write(snapshot):
        began.set()
        gate.wait(10)
        written.append(snapshot)

    with Writer(write) as writer:
        writer.submit(1)
        assert began.wait(10)
        for snapshot in (2, 3):  # 2 gives way to 3
            writer.submit(snapshot)
        writer.then(written.append, "best of 3")
        writer.submit(4)  # what a job waits for does not give way
        assert written == []
        gate.set()
        writer.wait()
        assert written == [1, 3, "best of 3", 4]


def test_what_the_thread_raised_shows_at_the_next_step():
    def write(snapshot):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Writer(write) as writer:
        writer.submit(1)
        with pytest.raises(OSError, match="No space left"):
            writer.wait()
        writer.submit(2)
        while not all(job.done() for job in writer._jobs):
            pass
        with pytest.raises(OSError, match="No space left"):
            writer.check()
