"""How closely a run's student follows its teacher, on any data, at kept steps."""

from pathlib import Path


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
    from keras_kd.evaluation import fidelity, teacher_answers
    from keras_kd.run import finished as products
    from keras_kd.run.workdir import Workdir, load_config
    from keras_kd.utils.files import check_writable, write_json

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
