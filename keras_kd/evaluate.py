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

from keras_kd.console import leave, set_native_notes_aside


def evaluate(
    workdir, split="", source="", data_dir="", steps="", output="", progress=lambda line: None
):
    """Evaluates a run's student against the run's teacher, and writes what it finds.

    Args:
        workdir: path of the run's working directory.
        split: split expression; empty: the run's `data.eval_split`, or `test` of another source.
        source: name for `keras_kd.data.load_source`; empty: the run's.
        data_dir: where tfds keeps that source; empty: the run's.
        steps: "100,200" or "all", steps of the distillation that have a checkpoint; empty: the
            finished student.
        output: file to write; empty: `workdir/evaluation.json`.
        progress: function that is told, line by line, what happens.

    Returns:
        dict, as written: `source`, `split`, `images`, `labels` (whether they count), `classes`
        (names, in the order of the figures of each class) and `results`, a list of dicts: `step`
        and what `keras_kd.evaluation.fidelity` returns.

    Raises:
        ValueError: no such run, split, source or step, a run that is not finished, or images that
            the models cannot take.
        OSError: a file cannot be read or written.
    """
    from keras_kd import products
    from keras_kd.evaluation import fidelity, teacher_answers
    from keras_kd.files import write_json
    from keras_kd.teachers.cache_files import check_writable
    from keras_kd.workdir import Workdir, load_config

    config = load_config(workdir)
    workdir = Workdir(workdir, config, writes=False)
    files = products.chosen_files(steps, workdir.checkpoints("distil").files())
    output = Path(output or workdir / "evaluation.json")
    check_writable(output.parent)
    if output.is_dir():
        raise ValueError(f"--output must be a file. Received: --output={output}, a folder.")
    student = None if files else products.load_student(workdir)
    seen, own = products.sources(workdir, config, source, data_dir, needs_own=bool(files))
    split = split or ("test" if source else config.data.eval_split)
    images = seen.split(split).num_examples
    classes = own.class_names if own else workdir.report["classes"]
    channels = own.channels if student is None else student.input_shape[-1]
    dataset = products.evaluation_images(config, seen, split, channels)
    labels = list(seen.class_names) == list(classes)
    progress(f"{seen.name}, split '{split}': {images:,} images")
    if not labels:
        progress("Its classes are not the run's: without accuracy and calibration.")
        dataset = dataset.map(lambda x, y: x)
    side = config.data.teacher_resolution or config.data.resolution
    teacher = products.load_teacher(workdir, config, len(classes), (side, side, channels))
    if files:
        students = products.students_at(config, own, teacher, files)
    else:
        ended = workdir.report["train"] if workdir.report else workdir.result("distil")
        students = [(ended["steps"], student)]
    answers = teacher_answers(teacher, dataset) if len(files) > 1 else None
    found = {
        "source": seen.name,
        "split": split,
        "images": images,
        "labels": labels,
        "classes": list(classes),
        "results": [
            {"step": step, **fidelity(one, teacher, dataset, answers)} for step, one in students
        ],
    }
    write_json(output, found)
    return found


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
