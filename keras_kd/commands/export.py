"""keras-kd-export: exports the student of a finished run.

keras-kd-export --workdir=DIR [--formats=saved_model,float32,float16,dynamic,int8]
"""

from absl import flags

from keras_kd.commands.console import define, run_guarded, set_native_notes_aside
from keras_kd.export.files import existing_workdir

USAGE = (
    "Exports the student of a finished run: keras-kd-export --workdir=DIR "
    "[--formats=saved_model,float32,float16,dynamic,int8]"
)


def main(argv=None):
    """Entry point of the command; ends the process with 0, or with 2 on a user's mistake."""
    define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    define(
        "formats",
        flags.DEFINE_list,
        None,
        "What to write, among saved_model, float32, float16, dynamic, int8. "
        "Default: those of the run's config, or all.",
    )
    run_guarded("export", USAGE, export, argv)


def export():
    """Writes the files, and the report over them."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    set_native_notes_aside(workdir)
    from keras_kd.export.report import render
    from keras_kd.export.run import export
    from keras_kd.export.summary import summary_table

    export(workdir, flags.FLAGS.formats)
    print(f"\n{summary_table(workdir)}\n")
    print(f"Report: {render(workdir)}")
