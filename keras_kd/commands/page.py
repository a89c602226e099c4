"""Serving the page that runs a student, for `keras-kd-export --serve`."""

import shlex
import shutil
import sys
from pathlib import Path

from keras_kd.export.formats import check_formats, get
from keras_kd.export.web.serve import server

FORMAT, FACTS = "web", "page.json"  # the latter is in its folder


def serve(workdir, port, formats, write):
    """Serves a run's page until the process is stopped; writes it first where there is none.

    Args:
        workdir: `pathlib.Path` of the run.
        port: to listen on; 0 for any free one.
        formats: names of what to write before; None: only a page that is not there.
        write: function of `workdir` and names of formats, which writes them.

    Raises:
        ValueError: no such port, or nothing to make the page of.
        OSError: the port is taken.
    """
    kind = get(FORMAT)
    folder = workdir / "export" / kind.file_name
    wanted = list(formats or ())
    if FORMAT not in wanted and not kind.opens(folder):
        wanted += check_formats([FORMAT])
    with server(folder, port) as running:  # before what takes long: the port may be taken
        if wanted:
            write(workdir, wanted)
        elif _is_older(folder / FACTS, workdir / "student.keras"):
            print("The page is older than the student: --formats=web writes it anew.", flush=True)
        print(f"{running.url} runs the student in the browser. Ctrl-C ends it.", flush=True)
        running.serve_forever()


def _is_older(page, student):
    return student.exists() and page.stat().st_mtime < student.stat().st_mtime


def invitation(workdir):
    """The command that serves a run's page, a line that works where it is read."""
    name = "keras-kd-export"
    beside = Path(sys.argv[0]).with_name(name)  # of a virtual environment that is not activated
    program = str(beside) if shutil.which(name) is None and beside.is_file() else name
    return f"In the browser: {program} --workdir={shlex.quote(str(workdir))} --serve"
