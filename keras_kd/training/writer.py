"""Writes checkpoints beside the training: the step waits for a copy in memory, not for the disk."""

import threading
from concurrent.futures import ThreadPoolExecutor


class Writer:
    """One thread that writes snapshots in order; one is being written and the newest waits.

    Where the disk is slower than the snapshots come, a waiting one gives way to a newer one.

    Args:
        write: function of a snapshot.
    """

    def __init__(self, write):
        self._write = write
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._lock = threading.Lock()
        self._waiting = None  # a list of one snapshot that the thread has not taken yet
        self._jobs = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._pool.shutdown(wait=True)  # after the last write; what it raises, `wait` tells

    def submit(self, snapshot):
        """Hands over a snapshot.

        Raises:
            OSError: what an earlier write raised.
        """
        self.check()
        with self._lock:
            if self._waiting:
                self._waiting[0] = snapshot
                return
            self._waiting = box = [snapshot]
        self._jobs.append(self._pool.submit(self._write_from, box))

    def then(self, job, *args):
        """Calls `job(*args)` after all that was handed over so far, of which nothing gives way."""
        with self._lock:
            self._waiting = None
        self._jobs.append(self._pool.submit(job, *args))

    def check(self):
        """Raises what the thread raised, if it did."""
        done = [job for job in self._jobs if job.done()]
        self._jobs = [job for job in self._jobs if job not in done]
        for job in done:
            job.result()

    def wait(self):
        """Returns when all is written; raises what the thread raised."""
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.result()

    def _write_from(self, box):
        with self._lock:
            if self._waiting is box:
                self._waiting = None
            snapshot = box.pop()
        self._write(snapshot)
