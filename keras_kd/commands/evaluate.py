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

from pathlib import Path

from absl import flags

from keras_kd.commands import console


def main():
    """Entry point of the command."""
    text = {
        "workdir": "Directory of the run.",
        "split": "Split to evaluate on.",
        "source": "Another source than the run's.",
        "data_dir": "Where tfds keeps that source.",
        "steps": "Steps of the distillation, such as 100,200, or all.",
        "output": "File to write.",
    }
    values = {name: flags.DEFINE_string(name, "", about) for name, about in text.items()}
    console.run(
        "keras-kd-evaluate",
        __doc__,
        lambda: _command(**{name: flag.value for name, flag in values.items()}),
    )


def _command(workdir, output, **options):
    if not workdir:
        raise ValueError("--workdir is missing. Give the directory of a run.")
    there = (Path(workdir) / "config.json").exists()  # a misspelt folder is not made
    console.set_native_notes_aside(workdir if there else None)
    from keras_kd.evaluation.table import table
    from keras_kd.run.evaluate import evaluate

    found = evaluate(workdir, output=output, **options)
    print(f"{table(found['results'])}\nWrote {output or Path(workdir) / 'evaluation.json'}")


if __name__ == "__main__":
    main()
