"""keras-kd-evaluate: how closely a run's student follows its teacher, on any data, at kept steps.

keras-kd-evaluate --workdir=DIR [--split=test] [--source=SOURCE] [--steps=100,200]

--workdir   directory of the run
--split     split to evaluate on; default: the run's, or `test` of another source
--source    another source, such as folder:PATH; default: the run's
--data_dir  where tfds keeps that source; default: the run's
--steps     steps of the distillation, or `all`, of those with a checkpoint (choose them before
            training with config.checkpoint.keep_at); default: the finished student
--output    file to write; default: WORKDIR/evaluation.json

Gives divergence, distance of logits and agreement of student and teacher; where the labels are the
run's classes also accuracy, of each class too, and expected calibration error of both.
"""

import sys
from pathlib import Path

from absl import app, flags, logging

from keras_kd.commands.console import leave, set_native_notes_aside
from keras_kd.run.evaluate import evaluate


def main():
    """Entry point of the command: a user's mistake ends in one sentence and exit code 2."""
    sys.modules["__main__"].__doc__ = __doc__  # what --help prints
    text = {
        "workdir": "Directory of the run.",
        "split": "Split to evaluate on.",
        "source": "Another source than the run's.",
        "data_dir": "Where tfds keeps that source.",
        "steps": "Steps of the distillation, such as 100,200, or all.",
        "output": "File to write.",
    }
    values = {name: flags.DEFINE_string(name, "", about) for name, about in text.items()}
    try:
        app.run(lambda _: _command(**{name: flag.value for name, flag in values.items()}))
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        leave("keras-kd-evaluate", error)


def _command(workdir, output, **options):
    logging.set_verbosity(logging.WARNING)
    if not workdir:
        raise ValueError("--workdir is missing. Give the directory of a run.")
    there = (Path(workdir) / "config.json").exists()  # a misspelt folder is not made
    set_native_notes_aside(workdir if there else None)
    from keras_kd.evaluation.table import table

    found = evaluate(workdir, output=output, progress=print, **options)
    print(f"{table(found['results'])}\nWrote {output or Path(workdir) / 'evaluation.json'}")


if __name__ == "__main__":
    main()
