"""Studies made of cells: each a process of its own that ends in one small JSON file.

A study says which cells there are and how one is worked on; here is all the rest. Every script
that calls `main` takes:

--list             tells the cells and whether they are done
--plan             tells how long they will take, from what is measured
--only=PATTERN     works on the cells that match (a, b*), and on what they need
--time=MINUTES     starts no new cell after that
--jobs=N           works on N cells at once, each on its share of the cores
--idle             works on the cells that time something, and so want a machine of their own
--commit           commits each result as it comes
--summary          writes the tables and the plot from the results that there are
--thin             shortest lengths, apart from the real ones, to see that all works
--workdir, --results  where things are kept

A cell whose result is there is skipped. One that was interrupted goes on where it was, as a run
does. One that failed is noted and the next goes on; the next start tries it again.
"""

import argparse
import fcntl
import fnmatch
import json
import os
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cell_processes import AT_WORK_ELSEWHERE, run_cells

from keras_kd.utils import signals
from keras_kd.utils.files import write_json

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Cell:
    """One measurement.

    Attributes:
        name: its name, that of its folder and result.
        facts: dict of plain values that say all that it depends on but places, see `settings`: a
            result with other facts is of another cell. `kind` among them tells cells of one speed.
        needs: names of the cells that must be done before.
        images: how many it looks at, for `--plan`.
        idle: whether it times something.
    """

    name: str
    facts: dict
    needs: tuple = ()
    images: int = 0
    idle: bool = False


@dataclass(frozen=True)
class Study:
    """A list of cells and what to do with them.

    Attributes:
        name: its name, that of its folder of results.
        script: the file that calls `main`; the cells' processes run it too.
        cells: function options -> list of `Cell`. It must not need TensorFlow.
        work: function (cell, folder, options) -> dict of what was measured, JSON-able; called in
            the cell's own process, again after an interruption.
        summarize: function (list of results, options) that writes tables and plots.
        add_flags: function that adds the study's own flags to an `argparse` parser.
        rates: dict kind -> images a second, measured once, for cells of which none is done.
    """

    name: str
    script: str
    cells: callable
    work: callable
    summarize: callable
    add_flags: callable = lambda parser: None
    rates: dict = field(default_factory=dict)


class Store:
    """Where a study's cells work and leave their results."""

    def __init__(self, study, options):
        self.folders = Path(options.workdir).resolve() / study.name
        self.results = Path(options.results).resolve() / study.name

    def folder(self, name):
        """The working directory of a cell."""
        return self.folders / name

    def path(self, name):
        """The result of a cell."""
        return self.results / f"{name}.json"

    def result(self, cell):
        """The result of a cell, or None.

        Raises:
            ValueError: it was made under other settings, or is damaged.
        """
        path = self.path(cell.name)
        if not path.exists():
            return None
        result = _read(path)
        there, here = result["facts"], json.loads(json.dumps(cell.facts))
        differing = [
            f"{key}: {there.get(key)!r} there, {here.get(key)!r} here"
            for key in sorted(there.keys() | here.keys())
            if there.get(key) != here.get(key)
        ]
        if differing:
            raise ValueError(
                f"{path} was measured under other settings: {'; '.join(differing)}. Go back to "
                f"them, or delete it and {self.folder(cell.name)} to measure anew."
            )
        return result


PLACES = ("data.data_dir", "teacher.handle", "teacher_cache", "fixed_targets", "student.init")


def settings(config, without=()):
    """What a config changes in `keras_kd.config.base`, as facts of a cell.

    Args:
        config: ConfigDict.
        without: sections that the cell does not use, such as `"baseline"`.

    Returns:
        dict "config.KEY" -> value. Name and seed are left out, and where things are: what they
        hold has facts of its own. A default that changes does not show.
    """
    from keras_kd.config import base, flat

    def values(config):
        settings = config.copy_and_resolve_references().to_dict()
        return flat(json.loads(json.dumps(settings)))  # tuples as they stand in a result

    default = values(base())
    skip = (*PLACES, "name", "seed", *(f"{section}." for section in without))
    return {
        f"config.{key}": value
        for key, value in sorted(values(config).items())
        if default.get(key) != value and not key.startswith(skip) and not key.endswith(".weights")
    }


def shorten(*stages):
    """Makes stages of a config as short as --thin wants them."""
    for stage in stages:
        stage.update(total="4 steps", interval="2 steps", warmup="1 steps")


def main(study, argv=None):
    """The command of a study; returns the exit code: 0 if nothing that was tried failed."""
    argv = sys.argv[1:] if argv is None else list(argv)
    options = _parse(study, argv)
    cells = study.cells(options)
    _check(cells)
    store = Store(study, options)
    if options.cell:
        cell = next(cell for cell in cells if cell.name == options.cell)
        return _work(study, cell, store, options)
    try:
        if options.summary:
            results = [result for cell in cells if (result := store.result(cell))]
            if not results:
                raise ValueError("--summary found no result: no cell of the study is done yet.")
            study.summarize(results, options)
            return 0
        chosen = _chosen(cells, options, store)
        if options.list or options.plan:
            (_plan if options.plan else _list)(study, chosen, cells, store)
            return 0
        return run_cells(study, chosen, store, options, argv)
    except ValueError as error:
        print(f"{Path(study.script).name}: {error}", file=sys.stderr)
        return 2


def _parse(study, argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("list", "plan", "summary", "commit", "idle", "thin"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--only", default="*", help="patterns of names, with commas between")
    parser.add_argument("--time", type=float, default=float("inf"), help="minutes")
    parser.add_argument("--jobs", type=int, default=1, help="cells at once")
    parser.add_argument("--workdir", help="default: workdir, with --thin workdir/thin")
    parser.add_argument("--results", help="default: benchmarks/results; with --thin beside it")
    parser.add_argument("--cell", help=argparse.SUPPRESS)  # the process of one cell
    parser.add_argument("--cores", help=argparse.SUPPRESS)  # those that it may use
    study.add_flags(parser)
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1. Received: --jobs={options.jobs}.")
    if options.thin and options.commit:
        parser.error("--thin tries things out; there is nothing to --commit.")
    options.workdir = options.workdir or ("workdir/thin" if options.thin else "workdir")
    options.results = options.results or (
        "workdir/thin/results" if options.thin else HERE / "results"
    )
    return options


def _check(cells):
    """Refuses a list of cells that could not be worked through."""
    before = set()
    for cell in cells:
        if cell.name in before or not set(cell.needs) <= before:
            raise ValueError(
                "The cells of a study need names of their own, and stand behind what they need. "
                f"Received: {cell.name!r}, which needs {list(cell.needs)}."
            )
        before.add(cell.name)


def _chosen(cells, options, store):
    """The cells that the flags name, and all that they need and is not done."""
    names = [cell.name for cell in cells if cell.idle == options.idle]
    wanted = set()
    for pattern in options.only.split(","):
        found = fnmatch.filter(names, pattern.strip())
        if not found:
            raise ValueError(
                f"No cell matches {pattern!r}. Received: --only={options.only}. "
                f"There are for example {', '.join(names[:5]) or 'none'}; --list tells all."
            )
        wanted |= set(found)
    for cell in reversed(cells):  # what is needed stands before
        if cell.name in wanted and store.result(cell) is None:
            wanted |= set(cell.needs)
    return [cell for cell in cells if cell.name in wanted]


def _list(study, chosen, cells, store):
    for cell in chosen:
        state = "done" if store.result(cell) else ""
        state = state or ("failed" if (store.folder(cell.name) / "failed.txt").exists() else "")
        print(f"{cell.name:40s} {state}".rstrip())


def _plan(study, chosen, cells, store):
    """Prints each cell's minutes, by the rate of the done ones of its kind."""
    measured = {}
    for cell in cells:
        if result := store.result(cell):
            measured.setdefault(cell.facts.get("kind"), []).append(
                cell.images / max(60 * result["minutes"], 0.1)
            )
    rates = {**study.rates, **{kind: statistics.median(v) for kind, v in measured.items()}}
    left = 0.0
    for cell in chosen:
        rate, done = rates.get(cell.facts.get("kind")), store.result(cell)
        minutes = done["minutes"] if done else cell.images / rate / 60 if rate else float("nan")
        left += 0 if done else minutes
        print(f"{cell.name:40s} {cell.images:10,d} images {minutes:7.1f} min {'done' * bool(done)}")
    source = ", ".join(f"{kind} {rate:,.0f}/s" for kind, rate in rates.items())
    print(f"{left / 60:.1f} hours left, one cell after the other ({source or 'no rate is known'})")


def _work(study, cell, store, options):
    """In the cell's own process: works, and writes the result as its last act."""
    if options.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, map(int, options.cores.split(",")))
    signals.leave_on_sigterm()
    folder = store.folder(cell.name)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "cell.lock", "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return AT_WORK_ELSEWHERE
        if store.result(cell) is not None:  # somebody was quicker
            return 0
        began, spent = time.monotonic(), folder / "minutes.txt"
        earlier = float(spent.read_text()) if spent.exists() else 0.0
        try:
            found = study.work(cell, folder, options)
        except KeyboardInterrupt as stop:
            spent.write_text(str(earlier + (time.monotonic() - began) / 60))
            print(stop)
            return getattr(stop, "code", 128 + signal.SIGINT)
        minutes = round(earlier + (time.monotonic() - began) / 60, 3)
        result = {"study": study.name, "cell": cell.name, "facts": cell.facts, "minutes": minutes}
        write_json(store.path(cell.name), result | found)
    return 0


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}). Delete it.") from error
