"""Claims: who works on what, between processes that share nothing but a folder.

A claim is a file that only one process can create. Its owner touches it now and then; one that was
not touched for long belongs to a process that died, and is taken over. Should two processes ever do
the same work, they do it twice and come to the same result: claims save time, they guard nothing.
What must never be done twice at once is done under `keras_kd.utils.locks.exclusive`. That is no way
for claims: a cache may lie on a file system without locks, and still be filled by many machines.
"""

import contextlib
import json
import os
import secrets
import socket
import time
from pathlib import Path

from keras_kd.utils.files import is_gone, process_space

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
        self._token = secrets.token_hex(8)
        self._beaten = 0.0

    def take(self):
        """Whether the claim is ours now.

        Raises:
            OSError: the folder cannot be written.
        """
        try:
            if self._create():
                return True
            judged = self.path.read_bytes()
            return self._is_stale(judged) and self._bury(judged) and self._create()
        except FileNotFoundError:
            return False  # somebody was quicker; the next round shows whether they are through
        except OSError as error:
            raise OSError(
                error.errno,
                f"The folder {self.path.parent} must be writable ({error.strerror}). "
                "Make it so, or give another --cache or --workdir",
            ) from error

    def beat(self):
        """Tells the others that the owner is alive."""
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            with contextlib.suppress(OSError):
                os.utime(self.path)
            self._beaten = time.monotonic()

    def owner(self):
        """Who holds the claim, in words."""
        owner = self._read()
        return f"process {owner['pid']} on {owner['host']}" if owner else "another process"

    def release(self):
        """Gives the claim up, unless somebody took it over meanwhile."""
        with contextlib.suppress(OSError):
            if self._read().get("token") == self._token:
                self.path.unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def _create(self):
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "place": process_space()}
        try:
            self.path.touch(exist_ok=False)
        except FileExistsError:
            return False
        try:
            self.path.write_text(json.dumps({**owner, "token": self._token}), encoding="utf-8")
        except OSError:
            with contextlib.suppress(OSError):
                self.path.unlink()  # on a full disk: an empty claim would block the others
            raise
        self._beaten = time.monotonic()
        return True

    def _read(self):
        """What the claim says of its owner; an empty dict while it is being written."""
        with contextlib.suppress(OSError, ValueError):
            owner = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(owner, dict) and {"host", "pid"} <= owner.keys():
                return owner
        return {}

    def _bury(self, judged):
        """Renames a stale claim away: of several that find it stale, one succeeds."""
        grave = self.path.with_name(f".{self.path.name}.{self._token}.tmp")
        os.rename(self.path, grave)
        try:
            if grave.read_bytes() == judged:
                return True
            # Another process had taken it over just before: it gets its claim back.
            with contextlib.suppress(OSError):
                os.link(grave, self.path)
            return False
        finally:
            grave.unlink()

    def _is_stale(self, judged):
        if self._owner_is_gone(judged):
            return True
        # A file of this moment, so that the clocks of several machines do not matter.
        probe = self.path.with_name(f".{self.path.name}.{socket.gethostname()}-{os.getpid()}.tmp")
        try:
            probe.touch()
            age = probe.stat().st_mtime - self.path.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)
        return age > self.stale_seconds

    def _owner_is_gone(self, judged):
        """Whether the owner was a process of this machine or container that is no more."""
        try:
            owner = json.loads(judged)
            here = process_space()
            return bool(here) and owner["place"] == here and is_gone(int(owner["pid"]))
        except (ValueError, KeyError, TypeError):
            return False  # being written just now
