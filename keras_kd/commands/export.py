"""keras-kd-export: exports the student of a finished run.

keras-kd-export --workdir=DIR [--formats=saved_model,float32,float16,dynamic,int8]
"""

from absl import flags

from keras_kd.commands import console
from keras_kd.export.files import existing_workdir


def main(argv=None):
    """Entry point of the command."""
    console.define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    console.define(
        "formats",
        flags.DEFINE_list,
        None,
        "What to write, among saved_model, float32, float16, dynamic, int8. "
        "Default: those of the run's config, or all.",
    )
    console.run("keras-kd-export", __doc__, export, argv)


def export():
    """Writes the files, and the report over them."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    console.set_native_notes_aside(workdir)
    from keras_kd.export.report import render
    from keras_kd.export.run import export
    from keras_kd.export.summary import summary_table

    export(workdir, flags.FLAGS.formats)
    print(f"\n{summary_table(workdir)}\n")
    print(f"Report: {render(workdir)}")
