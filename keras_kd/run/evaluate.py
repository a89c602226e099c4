"""How closely a run's student follows its teacher, on any data, at kept steps."""

import logging
from pathlib import Path

from keras_kd.run.lines import lines_to

logger = logging.getLogger(__name__)


def evaluate(workdir, split="", source="", data_dir="", steps="", output="", progress=None):
    """Evaluates a run's student against the run's teacher, and writes what it finds.

    Args:
        workdir: path of the run's working directory.
        split: split expression; empty: the run's `data.eval_split`, or `test` of another source.
        source: name for `keras_kd.data.load_source`; empty: the run's.
        data_dir: where tfds keeps that source; empty: the run's.
        steps: "100,200" or "all", steps of the last stage that have a checkpoint; empty: the
            finished student.
        output: file to write; empty: `workdir/evaluation.json`.
        progress: function that is told, line by line, what the package logs, or None.

    Returns:
        dict, as written: `source`, `split`, `images`, `labels` (whether they count), `classes`
        (names, in the order of the figures of each class) and `results`, a list of dicts: `step`
        and what `keras_kd.evaluation.fidelity` returns.

    Raises:
        ValueError: no such run, split, source or step, a run that is not finished, or images that
            the models cannot take.
        OSError: a file cannot be read or written.
    """
    with lines_to(progress):
        return _evaluate(workdir, split, source, data_dir, steps, output)


def _evaluate(workdir, split, source, data_dir, steps, output):
    from keras_kd.evaluation import fidelity, teacher_answers
    from keras_kd.run.finished import Finished, chosen_files
    from keras_kd.utils.files import check_writable, write_json

    run = Finished(workdir)
    files = chosen_files(steps, run.workdir.checkpoints(run.last.name).files())
    output = Path(output or run.path / "evaluation.json")
    check_writable(output.parent)
    if output.is_dir():
        raise ValueError(f"--output must be a file. Received: --output={output}, a folder.")
    student = None if files else run.load_student()
    seen = run.other_source(source, data_dir) if source else run.source
    split = split or ("test" if source else run.config.data.eval_split)
    images = seen.split(split).num_examples
    channels = run.source.channels if student is None else student.input_shape[-1]
    check_channels(seen, channels)
    labels = list(seen.class_names) == list(run.class_names)
    dataset = run.evaluation_images(seen, split, teacher=True)
    logger.info("%s, split '%s': %s images", seen.name, split, f"{images:,}")
    if not labels:
        logger.info("Its classes are not the run's: without accuracy and calibration.")
        dataset = dataset.map(lambda x, y: x)
    teacher = run.load_teacher(channels)
    if files:
        students = run.students_at(files, teacher)
    else:
        ended = run.report["train"] if run.report else run.workdir.result(run.last.name)
        students = [(ended["steps"], student)]
    answers = teacher_answers(teacher, dataset) if len(files) > 1 else None
    found = {
        "source": seen.name,
        "split": split,
        "images": images,
        "labels": labels,
        "classes": list(run.class_names),
        "results": [
            {"step": step, **fidelity(one, teacher, dataset, answers)} for step, one in students
        ],
    }
    write_json(output, found)
    return found


def check_channels(source, channels):
    """Refuses a source whose images have another number of channels than the models take."""
    if source.channels != channels:
        raise ValueError(
            f"The run's models take images of {channels} channel(s). Received: source="
            f"{source.name}, with {source.channels}. Choose a source of the same kind."
        )
