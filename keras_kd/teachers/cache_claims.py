"""Claims: who works on what, between processes that share nothing but a folder.

A claim is a file that only one process can create. Its owner touches it now and then; one that was
not touched for long belongs to a process that died, and is taken over. Should two processes ever do
the same work, they do it twice and come to the same result: claims save time, they guard nothing.
"""

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path

from keras_kd.teachers.cache_files import CacheWriteError

STALE_SECONDS = 600.0  # longer than a teacher takes to compile
BEAT_SECONDS = 5.0


class Claim:
    """The right to do one piece of work; a context manager that gives it up at its end.

    Args:
        path: the claim's file.
        stale_seconds: age at which somebody else's untouched claim is taken over.
    """

    def __init__(self, path, stale_seconds=STALE_SECONDS):
        self.path = Path(path)
        self.stale_seconds = stale_seconds
        self._beaten = 0.0

    def take(self):
        """Whether the claim is ours now.

        Raises:
            CacheWriteError: the folder cannot be written.
        """
        try:
            if self._create():
                return True
            if self._is_stale():
                # Of several that find it stale one renames it away; then all try again.
                grave = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
                os.rename(self.path, grave)
                grave.unlink()
                return self._create()
        except FileNotFoundError:
            return False  # somebody was quicker; the next round will tell
        except OSError as error:
            raise CacheWriteError(
                error.errno,
                f"The folder {self.path.parent} must be writable ({error.strerror}). "
                "Make it so, or give another --cache or --workdir",
            ) from error
        return False

    def beat(self):
        """Tells the others that the owner is alive."""
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            with contextlib.suppress(OSError):
                os.utime(self.path)
            self._beaten = time.monotonic()

    @contextlib.contextmanager
    def kept_alive(self):
        """Holds a taken claim through work that has no good place to call `beat`."""
        ended = threading.Event()

        def beat():
            while not ended.wait(BEAT_SECONDS):
                self.beat()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.release()

    def release(self):
        """Gives the claim up."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def _create(self):
        try:
            with open(self.path, "x", encoding="utf-8") as file:
                json.dump({"host": socket.gethostname(), "pid": os.getpid()}, file)
        except FileExistsError:
            return False
        self._beaten = time.monotonic()
        return True

    def _is_stale(self):
        if self._owner_is_gone():
            return True
        # A file of this moment, so that the clocks of several machines do not matter.
        probe = self.path.with_name(f".{self.path.name}.{socket.gethostname()}-{os.getpid()}.tmp")
        try:
            probe.touch()
            age = probe.stat().st_mtime - self.path.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)
        return age > self.stale_seconds

    def _owner_is_gone(self):
        """Whether the owner was a process of this machine that is no more."""
        try:
            owner = json.loads(self.path.read_text(encoding="utf-8"))
            if owner["host"] != socket.gethostname():
                return False
            # In a container that was started again, the dead owner's number may be ours.
            if owner["pid"] == os.getpid():
                return True
            os.kill(int(owner["pid"]), 0)
        except ProcessLookupError:
            return True
        except (ValueError, KeyError, TypeError, PermissionError):
            pass  # being written just now, or another user's
        return False
