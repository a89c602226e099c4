"""keras-kd-report: writes report.html for a run, finished or not.

keras-kd-report --workdir=DIR
"""

from absl import flags

from keras_kd.commands.console import define, run_guarded, set_native_notes_aside
from keras_kd.export.files import existing_workdir

USAGE = "Writes report.html for a run, finished or not: keras-kd-report --workdir=DIR"


def main(argv=None):
    """Entry point of the command; ends the process with 0, or with 2 on a user's mistake."""
    define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    run_guarded("report", USAGE, report, argv)


def report():
    """Writes the page."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    set_native_notes_aside(workdir)
    from keras_kd.export.report import render

    print(f"Report: {render(workdir)}")
