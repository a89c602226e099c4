"""The binaries keras-kd-export and keras-kd-report."""

import sys

from absl import app, flags

from keras_kd.console import set_native_notes_aside
from keras_kd.export.files import ExportError

USAGE = {
    "export": "Exports the student of a finished run: keras-kd-export --workdir=DIR "
    "[--formats=saved_model,float32,float16,dynamic,int8]",
    "report": "Writes report.html for a run, finished or not: keras-kd-report --workdir=DIR",
}


def export_main(argv=None):
    """Entry point of keras-kd-export; ends the process with 0, or with 2 on a user's mistake."""
    _define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    _define(
        "formats",
        flags.DEFINE_list,
        None,
        "What to write, among saved_model, float32, float16, dynamic, int8. "
        "Default: those of the run's config, or all.",
    )
    _run("export", _export, argv)


def report_main(argv=None):
    """Entry point of keras-kd-report; ends the process with 0, or with 2 on a user's mistake."""
    _define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    _run("report", _report, argv)


def _export():
    from keras_kd.export.files import existing_workdir

    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    set_native_notes_aside(workdir)
    from keras_kd.export.report import render
    from keras_kd.export.run import export
    from keras_kd.export.summary import summary_table

    export(workdir, flags.FLAGS.formats)
    print(f"\n{summary_table(workdir)}\n")
    print(f"Report: {render(workdir)}")


def _report():
    from keras_kd.export.files import existing_workdir

    workdir = existing_workdir(flags.FLAGS.workdir)
    set_native_notes_aside(workdir)
    from keras_kd.export.report import render

    print(f"Report: {render(workdir)}")


def _define(name, define, default, text):
    # The train binary has a --workdir of its own; within one process the first one stands.
    # Under the program's name the flag shows in --help, not only in --helpfull.
    if name not in flags.FLAGS:
        define(name, default, text, module_name=sys.argv[0])


def _run(program, action, argv):
    def main(positional):
        if len(positional) > 1:
            raise ExportError(
                f"Expected flags only. Received: {' '.join(positional[1:])!r}. {USAGE[program]}"
            )
        action()

    def guarded(positional):
        try:
            main(positional)
        except ExportError as error:
            _fail(program, error)
        except OSError as error:  # a full or read-only disk; the message names the file
            _fail(program, f"could not read or write: {error}")
        except (ValueError, RuntimeError) as error:  # data that is gone, a split that is not there
            _fail(program, error)

    def parse(arguments):
        try:
            return flags.FLAGS(arguments)
        except flags.Error as error:
            _fail(program, f"{error} {USAGE[program]}")

    sys.modules["__main__"].__doc__ = USAGE[program]  # what --help prints above the flags
    app.run(guarded, argv=argv, flags_parser=parse)


def _fail(program, message):
    print(f"keras-kd-{program}: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
