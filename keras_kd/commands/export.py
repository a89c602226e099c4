"""keras-kd-export: exports the student of a finished run.

keras-kd-export --workdir=DIR [--formats=NAME,NAME]
"""

from absl import flags

from keras_kd.commands import console
from keras_kd.export.formats import check_formats, found
from keras_kd.run.workdir import existing_workdir


def main(argv=None):
    """Entry point of the command."""
    console.define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    console.define(
        "formats",
        flags.DEFINE_list,
        None,
        f"What to write, among {', '.join(found())}. Default: those of the run's config, or all.",
    )
    console.run("keras-kd-export", __doc__, export, argv)


def export():
    """Writes the files, and the report over them."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    formats = flags.FLAGS.formats and check_formats(flags.FLAGS.formats)
    console.set_native_notes_aside(workdir)
    from keras_kd.export.report import render
    from keras_kd.export.run import export
    from keras_kd.export.summary import summary_table

    export(workdir, formats)
    print(f"\n{summary_table(workdir)}\n")
    print(f"Report: {render(workdir)}")


if __name__ == "__main__":
    main()
