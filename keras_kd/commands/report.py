"""keras-kd-report: writes report.html for a run, finished or not.

keras-kd-report --workdir=DIR
"""

from absl import flags

from keras_kd.commands import console
from keras_kd.run.workdir import existing_workdir


def main(argv=None):
    """Entry point of the command."""
    console.define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    console.run("keras-kd-report", __doc__, report, argv)


def report():
    """Writes the page."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    console.set_native_notes_aside(workdir)
    from keras_kd.export.report import render

    print(f"Report: {render(workdir)}")


if __name__ == "__main__":
    main()
