"""Several workers that train together: who they are, waiting for them, and losing one.

TensorFlow describes a cluster in the environment variable `TF_CONFIG`:
`{"cluster": {"worker": ["host1:port", "host2:port"]}, "task": {"type": "worker", "index": 0}}`.
Its own start waits for missing workers in native code, without a name and deaf to signals; so the
workers meet here first, on the leader's port, before TensorFlow takes that port.
"""

import contextlib
import json
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass

GREETING = b"keras-kd "
POLL = 0.5  # s
# By these words TensorFlow tells that another worker has gone.
LOST = ("Collective ops is aborted", "stopped sending heartbeats", "CoordinationService")
TYPES = ("chief", "worker")  # in the order in which TensorFlow numbers them


class WorkerMissing(RuntimeError):
    """A worker of the cluster did not come in time."""


@dataclass(frozen=True)
class Cluster:
    """The workers of a cluster, and which of them this process is.

    Attributes:
        tasks: list of (type, index within the type, "host:port"), the leader first.
        index: which of `tasks` this process is.
    """

    tasks: tuple
    index: int

    @property
    def is_chief(self):
        """Whether this worker writes the files."""
        return self.index == 0

    def describe(self, index):
        """A worker as messages name it."""
        kind, number, address = self.tasks[index]
        return f"{kind} {number} at {address}"


def read_tf_config(text=None):
    """The cluster that `TF_CONFIG` describes.

    Args:
        text: JSON; default: the environment variable.

    Returns:
        a `Cluster`, or None where there is no `TF_CONFIG` or one without a cluster.

    Raises:
        ValueError: no JSON, or a cluster or task that cannot be.
    """
    text = os.environ.get("TF_CONFIG", "") if text is None else text
    if not text.strip():
        return None
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_refusal(f"valid JSON ({error})", text)) from None
    if not isinstance(settings, dict):
        raise ValueError(_refusal("a JSON object", text))
    jobs = settings.get("cluster", {})
    if not jobs:
        return None
    if not isinstance(jobs, dict) or not all(_are_addresses(value) for value in jobs.values()):
        expected = '"cluster" as lists of "host:port" by task type, ports from 1 to 65535'
        raise ValueError(_refusal(expected, text))
    if set(jobs) - set(TYPES):
        raise ValueError(_refusal(f"task types among {', '.join(TYPES)}", text))
    tasks = tuple((k, i, a) for k in TYPES for i, a in enumerate(jobs.get(k, [])))
    if len({address for _, _, address in tasks}) < len(tasks):
        raise ValueError(_refusal("an address of its own for each task", text))
    own = settings.get("task")
    own = (own.get("type"), own.get("index")) if isinstance(own, dict) else None
    index = [i for i, task in enumerate(tasks) if task[:2] == own]
    if not index:
        known = ", ".join(f"{kind} {number}" for kind, number, _ in tasks)
        raise ValueError(_refusal(f'"task" with the type and index of one of: {known}', text))
    return Cluster(tasks, index[0])


def leads():
    """Whether this process writes the files of a run; called before TensorFlow is imported."""
    cluster = read_tf_config()
    return cluster is None or cluster.is_chief


def _refusal(expected, text):
    return (
        f"TF_CONFIG must hold {expected}. Received: TF_CONFIG={text}. Write for example "
        '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
        '"task": {"type": "worker", "index": 0}}.'
    )


def _are_addresses(value):
    return isinstance(value, list) and all(isinstance(a, str) and _is_address(a) for a in value)


def _is_address(text):
    host, _, port = text.rpartition(":")
    return bool(host) and re.fullmatch("[0-9]{1,5}", port) is not None and 0 < int(port) < 65536


def meet(cluster, timeout, run_id=""):
    """Returns when all workers are there.

    Args:
        cluster: a `Cluster`.
        timeout: seconds to wait.
        run_id: text that must be the same on all workers, such as a digest of the config.

    Raises:
        WorkerMissing: one did not come; its type, index and address are named.
        ValueError: one of them was started with another `run_id`.
    """
    deadline = time.monotonic() + timeout
    if cluster.is_chief:
        _gather(cluster, deadline, timeout, run_id)
    else:
        _report(cluster, deadline, timeout, run_id)


def _gather(cluster, deadline, timeout, run_id):
    """The leader's side: hears every other worker, then lets all go at once."""
    there = {}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_listen(cluster.tasks[0][2], deadline))
        while len(there) < len(cluster.tasks) - 1:
            index, peer, their_id = _hear(server, len(cluster.tasks))
            if index is not None:
                stack.enter_context(peer)
                there[index] = peer
                if their_id != run_id:
                    message = (
                        f"All workers must run the same config. Received: {cluster.describe(0)} "
                        f"and {cluster.describe(index)} with different ones. Start them with the "
                        "same --config and the same changes to it."
                    )
                    _send(there, "ValueError " + message)
                    raise ValueError(message)
            for gone in [i for i, known in there.items() if _closed(known)]:
                del there[gone]  # it was killed while it waited, and may come again
            if time.monotonic() > deadline:
                missing = set(range(1, len(cluster.tasks))) - set(there)
                message = _missing(cluster, sorted(missing), timeout)
                _send(there, "WorkerMissing " + message)
                raise WorkerMissing(message)
        _send(there, "go")


def _report(cluster, deadline, timeout, run_id):
    """Another worker's side: tells the leader that it is there, and waits for its word."""
    host, port = _split(cluster.tasks[0][2])
    hello = GREETING + json.dumps([cluster.index, run_id]).encode() + b"\n"
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # not there yet, or gone again
            with socket.create_connection((host, port), timeout=5) as leader:
                leader.sendall(hello)
                # The leader may have come later than this worker, and waits for others.
                leader.settimeout(max(1.0, deadline - time.monotonic()) + timeout)
                word = leader.makefile("r", encoding="utf-8", errors="replace").readline().strip()
            if word == "go":
                return
            kind, _, message = word.partition(" ")
            for error in (WorkerMissing, ValueError):
                if kind == error.__name__:
                    raise error(message)
        # Anything else is a leader that still trains and has not seen that a worker was lost.
        time.sleep(POLL)
    raise WorkerMissing(_missing(cluster, [0], timeout))


def _missing(cluster, indices, timeout):
    names = ", ".join(cluster.describe(index) for index in indices)
    return (
        f"All workers of the cluster must come within {timeout:g} s. Missing: {names}. Start it "
        "there with the same command and its own TF_CONFIG, check the address, or wait longer "
        "with --worker_timeout."
    )


def _split(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _listen(address, deadline):
    """A listening socket on the port of an address, on all interfaces as TensorFlow's will be."""
    host, port = _split(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            return socket.create_server(("", port), family=family)
        except OSError as error:
            if time.monotonic() > deadline:
                raise OSError(
                    f"The leader must be able to listen on port {port} ({error.strerror}). "
                    f"Received: {address} in TF_CONFIG. End what uses it, or take another port."
                ) from error
        time.sleep(POLL)


def _hear(server, count):
    """(index, socket, run id) of the next worker that reports, or three times None."""
    if not select.select([server], [], [], POLL)[0]:
        return None, None, None
    peer, _ = server.accept()
    try:
        peer.settimeout(5)
        line = peer.makefile("rb").readline(4096)
        index, run_id = json.loads(line.removeprefix(GREETING))
        if line.startswith(GREETING) and 0 < index < count:
            return index, peer, run_id
    except (OSError, ValueError, TypeError):
        pass  # a port scanner, or a worker that was killed just now
    peer.close()
    return None, None, None


def _closed(peer):
    """Whether the other side has gone; nobody sends anything while it waits."""
    return bool(select.select([peer], [], [], 0)[0])


def _send(peers, word):
    for peer in peers.values():
        with contextlib.suppress(OSError):
            peer.sendall(word.encode() + b"\n")


def lost_a_worker(error):
    """Whether an error of a training step means that another worker has gone.

    Args:
        error: an exception.

    Returns:
        bool. TensorFlow's advice is then to restart; nothing collective works any more.
    """
    import tensorflow as tf

    # Other services report their absence in the same classes, and workers that disagree abort
    # with the same words; a new start would not mend that.
    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    return isinstance(error, gone) and any(words in str(error) for words in LOST)


def why_lost(error):
    """What an error says of the worker that has gone, without the program around it.

    Args:
        error: an exception for which `lost_a_worker` holds.

    Returns:
        str, one line: the first that holds one of the words, and after a colon the next as well.
    """
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    index = next(i for i, line in enumerate(lines) if any(words in line for words in LOST))
    return " ".join(lines[index : index + 1 + lines[index].endswith(":")])


@contextlib.contextmanager
def keep_signals():
    """Puts back what SIGTERM does: TensorFlow's start takes it for its own notice of preemption."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def start_again():
    """Replaces this process by a new one with the same command; it waits for the others again."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(sys.stderr.fileno(), 2)  # where native notes were set aside
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
