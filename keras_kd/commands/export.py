"""keras-kd-export: exports the student of a finished run.

keras-kd-export --workdir=DIR [--formats=NAME,NAME] [--io=uint8] [--output=probabilities]
keras-kd-export --workdir=DIR --explain=int8            where integers lose, and what would help
keras-kd-export --workdir=DIR --serve [--port=8000]     the student on a page in the browser

What is not given is as in the run's config, section export.
"""

import dataclasses

from absl import flags

from keras_kd.commands import console, page
from keras_kd.export.formats import check_formats, found
from keras_kd.export.options import Options
from keras_kd.run.workdir import existing_workdir, load_config


def main(argv=None):
    """Entry point of the command."""
    console.define("workdir", flags.DEFINE_string, None, "Folder that keras-kd-train wrote.")
    console.define(
        "formats",
        flags.DEFINE_list,
        None,
        f"What to write, among {', '.join(found())}. Default: those of the run's config, or all.",
    )
    console.define(
        "io", flags.DEFINE_string, None, "In and out of integer files: int8, uint8, float32."
    )
    console.define("output", flags.DEFINE_string, None, "What files answer: logits, probabilities.")
    console.define(
        "min_agreement", flags.DEFINE_float, None, "Files like the student on less are told of."
    )
    console.define("serving", flags.DEFINE_boolean, None, "Write a version for TF Serving too.")
    console.define(
        "keep_float", flags.DEFINE_list, None, "Layers that stay in float32 in integer files."
    )
    console.define(
        "explain", flags.DEFINE_string, None, "Tell where int8 loses accuracy; exports nothing."
    )
    console.define(
        "serve", flags.DEFINE_boolean, False, "Serve the page of format web on this machine."
    )
    console.define("port", flags.DEFINE_integer, 8000, "Port of --serve; 0 for any free one.")
    console.run("keras-kd-export", __doc__, export, argv)


def export():
    """Writes the files, and the report over them."""
    workdir = existing_workdir(flags.FLAGS.workdir)  # before TensorFlow's slow import
    formats = flags.FLAGS.formats and check_formats(flags.FLAGS.formats)
    if flags.FLAGS.explain:
        _check_explains_alone()
        explain(workdir, flags.FLAGS.explain, chosen(load_config(workdir)))
    elif flags.FLAGS.serve:
        page.serve(workdir, flags.FLAGS.port, formats, write)
    else:
        write(workdir, formats)


def _check_explains_alone():
    """Refuses beside --explain what it would pass over."""
    beside = [name for name in ("formats", "keep_float", "serve") if flags.FLAGS[name].value]
    if beside:
        raise ValueError(
            "--explain exports nothing, and begins with integers throughout. Received: "
            f"--explain={flags.FLAGS.explain} with --{beside[0]}. Leave that out, and call again "
            "with it after the explanation."
        )


def write(workdir, formats):
    """Writes files of these formats, None for those of the config, and the report over them."""
    options = chosen(load_config(workdir))
    console.set_native_notes_aside(workdir)
    from keras_kd.export.report import render
    from keras_kd.export.run import export
    from keras_kd.export.summary import summary_table

    export(workdir, formats, options)
    print(f"\n{summary_table(workdir)}\n")
    print(f"Report: {render(workdir)}")


def explain(workdir, name, options):
    """Tells where a file of integers loses, and adds it to the report."""
    console.set_native_notes_aside(workdir)
    from keras_kd.export.explain import run, told
    from keras_kd.export.report import render

    print(f"\n{told.text(run.explain(workdir, name, options))}\n")
    print(f"Report: {render(workdir)}")


def chosen(config):
    """The run's options, with what the flags change.

    Raises:
        ValueError: a value that is none; names its flag.
    """
    given = {field.name: flags.FLAGS[field.name].value for field in dataclasses.fields(Options)}
    try:
        return dataclasses.replace(
            Options.of(config.export),
            **{name: value for name, value in given.items() if value is not None},
        )
    except ValueError as error:
        raise ValueError(f"--{error}") from error


if __name__ == "__main__":
    main()
