"""A local page that follows a run while it trains: curves, and how much is left."""

import contextlib
import http.server
import threading
import time
from pathlib import Path

from ml_collections import ConfigDict

from keras_kd.config.chain import stages_of as stages_of_config
from keras_kd.config.keys import completed
from keras_kd.export import findings, local_server
from keras_kd.export.facts import planned, stages_of
from keras_kd.export.report import environment
from keras_kd.run.workdir import existing_workdir
from keras_kd.training.log import logged
from keras_kd.utils import words
from keras_kd.utils.files import read_json

EVERY = 5  # seconds between two looks, and so between two pages that are drawn
# Nothing that the page holds may ask another address, whatever a run's names contain.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " \
    "img-src data:; connect-src 'self'"  # fmt: skip


@contextlib.contextmanager
def watching(workdir, port):
    """Serves the page of a run from a thread, until the block ends.

    It reads what the run has logged and never writes; an error within it is shown on the page.

    Args:
        workdir: the run's folder; it may still be missing.
        port: to listen on; 0 for any free one.

    Yields:
        the page's address.

    Raises:
        ValueError: no such port.
        OSError: the port is taken.
    """
    bound = local_server.server(type("Handler", (_Handler,), {"pages": _Pages(workdir)}), port)
    thread = threading.Thread(target=bound.serve_forever, name="watch", daemon=True)
    thread.start()
    try:
        yield bound.url
    finally:
        bound.shutdown()
        bound.server_close()
        thread.join(timeout=EVERY)


def watch(workdir, port):
    """Serves the page of a run that another process trains, until this one is stopped.

    Args:
        workdir: the run's folder.
        port: see `watching`.

    Raises:
        ValueError: no such folder, or no such port.
        OSError: the port is taken.
    """
    with watching(existing_workdir(workdir), port) as address:
        print(f"{address} follows {workdir}. Ctrl-C ends it.", flush=True)
        while True:  # on Windows Ctrl-C ends no wait without an end
            time.sleep(EVERY)


def page_of(workdir):
    """The page as it is now, HTML."""
    workdir = Path(workdir)
    records = logged(workdir / "metrics.jsonl")
    config = _json(workdir / "config.json")
    stages = stages_of({}, config, [record["stage"] for record in records])
    contents = {
        "progress": progress(workdir, config, records),
        "learning": findings.learning(records, stages),
    }
    return (
        environment()
        .get_template("watch.html.j2")
        .render(
            name=str(config.get("name") or workdir.name),
            kind="A run that goes on",
            headline=_headline(contents["progress"], workdir),
            every=EVERY,
            sections=list(contents),
            **contents,
        )
    )


def progress(workdir, config, records):
    """How far each stage is, in the order of the run.

    Args:
        workdir: `Path` of the run.
        config: what its `config.json` holds, or {}.
        records: dicts from its `metrics.jsonl`.

    Returns:
        list of dicts: `name`, `step`, `total`, `left` in seconds, `accuracy`, `rate` in images a
        second and `done`; numbers that are not known are None.
    """
    found = []
    for name in dict.fromkeys([*_trained(config), *(record["stage"] for record in records)]):
        own = [record for record in records if record["stage"] == name]
        last = own[-1] if own else {}
        folder = workdir / "checkpoints" / name
        done = (folder / "result.json").exists()
        total, step = _total(folder), last.get("step")
        found.append(
            {
                "name": name,
                "step": step,
                "total": total,
                "left": None if done else _left(own, total),
                "accuracy": last.get("val_accuracy"),
                "rate": last.get("images_per_second"),
                "done": done,
            }
        )
    return found


def _trained(config):
    """Names of the stages that a run trains: not those that are left out or loaded."""
    names = planned(config)
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # another program's
        if names:
            return [stage.name for stage in stages_of_config(ConfigDict(completed(config)))]
    return names


def _total(folder):
    """Steps of a whole stage, or None before it has begun."""
    pieces = _json(folder / "lengths.json").get("pieces")
    last = pieces[-1] if isinstance(pieces, list) and pieces else None
    total = last.get("stop") if isinstance(last, dict) else None
    return total if words.is_number(total) else None


def _left(records, total):
    """Seconds until a stage ends, at the pace of its last intervals; None where none is known.

    Of the first interval the step that compiles is left out, as the log has it apart.
    """
    steps, seconds = 0, 0.0
    for before, record in zip([{"step": 0}, *records], records):
        if words.is_number(record.get("seconds")) and words.is_number(record["step"]):
            steps, seconds = record["step"] - before["step"], record["seconds"]
    if total is None or steps <= 0 or seconds <= 0:
        return None
    return max(total - records[-1]["step"], 0) * seconds / steps


def _headline(stages, workdir):
    if (workdir / "report.json").exists():
        return "The run is finished: report.html tells of it."
    running = next((one for one in stages if not one["done"]), None)
    if running is None:
        return "Nothing is logged yet." if not stages else "All stages are done."
    text = f"Stage {running['name']}"
    if running["step"] is None:
        return f"{text} has begun; nothing is logged yet."
    of = f" of {words.count(running['total'])}" if running["total"] else ""
    text += f" is at step {words.count(running['step'])}{of}"
    if running["left"] is None:
        return f"{text}."
    return f"{text}; about {words.duration(running['left'])} left, without its evaluations."


def _json(path):
    """The JSON object in a file; {} where there is none, or none yet that is whole."""
    with contextlib.suppress(ValueError, OSError):
        found = read_json(path, {})
        return found if isinstance(found, dict) else {}
    return {}


class _Pages:
    """Makes the page when somebody looks, and at most once in a while: the run comes first."""

    def __init__(self, workdir):
        self.workdir = Path(workdir)
        self._lock = threading.Lock()
        self._state, self._drawn, self._page = None, -EVERY, b""

    def get(self):
        with self._lock:
            now, state = time.monotonic(), self._stamp()
            if state != self._state and now - self._drawn >= EVERY:
                self._page = page_of(self.workdir).encode()
                self._state, self._drawn = state, now
            return self._page

    def _stamp(self):
        """Changes when a file does that the page shows."""
        names = ("metrics.jsonl", "config.json", "report.json", "checkpoints/*/*.json")
        paths = sorted(path for name in names for path in self.workdir.glob(name))
        stamps = []
        for path in paths:
            with contextlib.suppress(OSError):  # just replaced
                stat = path.stat()
                stamps.append((str(path), stat.st_mtime_ns, stat.st_size))
        return stamps


class _Handler(local_server.Local, http.server.BaseHTTPRequestHandler):
    pages = None

    def do_GET(self):
        if self.path != "/":
            return self.send_error(404)
        try:
            body, status = self.pages.get(), 200
        except Exception as error:  # a damaged log: the run does not care, and goes on
            body, status = f"The run's log cannot be shown: {error}".encode(), 500
        self.send_response(status)
        kind = "text/html" if status == 200 else "text/plain"
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
        ):
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked is gone
            self.wfile.write(body)
