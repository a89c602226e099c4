"""keras-kd-report: writes the page of a run, finished or not, or one that compares runs.

keras-kd-report --workdir=DIR [--out=FILE.html]
keras-kd-report DIR DIR [DIR ...] [--out=comparison.html]     runs side by side
keras-kd-report --workdir=DIR --watch [--port=8010]       a local page that follows a run
"""

from pathlib import Path

from absl import flags

from keras_kd.commands import console
from keras_kd.run.workdir import existing_workdir


def main(argv=None):
    """Entry point of the command."""
    console.define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    console.define(
        "out",
        flags.DEFINE_string,
        None,
        "The page to write. Default: report.html in the folder; of several, comparison.html here.",
    )
    console.define("watch", flags.DEFINE_bool, False, "Follow a run on a page of this machine.")
    console.define("port", flags.DEFINE_integer, 8010, "Port of --watch; 0 for any free one.")
    console.run("keras-kd-report", __doc__, report, argv, takes_words=True)


def report(words):
    """Writes the page.

    Args:
        words: working directories that were given without a flag.
    """
    workdirs = _workdirs(words)
    out = checked_page(flags.FLAGS.out)
    console.set_native_notes_aside(workdirs[0] if len(workdirs) == 1 else None)
    if flags.FLAGS.watch:
        if out:
            raise ValueError(
                "--watch shows a page and writes none. Received: --watch with "
                f"--out={flags.FLAGS.out}. Leave one of the two out."
            )
        if len(workdirs) > 1:
            raise ValueError(
                f"--watch follows one run. Received: {' '.join(words)}. Start it for each, with a "
                "--port of its own."
            )
        from keras_kd.export.watch import watch

        watch(workdirs[0], flags.FLAGS.port)
    elif len(workdirs) == 1:
        from keras_kd.export.report import render

        print(f"Report: {render(workdirs[0], out)}")
    else:
        from keras_kd.export.runs_page import PAGE, render_runs

        print(f"Comparison: {render_runs(workdirs, out or PAGE)}")


def _workdirs(words):
    """The folders that were given, all there: known before TensorFlow's slow import."""
    given = flags.FLAGS.workdir
    if given and words:
        raise ValueError(
            "Expected working directories either by --workdir or as words. Received: "
            f"--workdir={given} {' '.join(words)}. Write keras-kd-report {given} {' '.join(words)}."
        )
    return [existing_workdir(one) for one in words or [given]]


def checked_page(out):
    """The path of --out, or None without one.

    Raises:
        ValueError: it is no place for a page.
    """
    if out is None:
        return None
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ValueError(f"--out must be a file that ends in .html. Received: --out={out}.")
    return path


if __name__ == "__main__":
    main()
