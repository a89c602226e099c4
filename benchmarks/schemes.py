"""Who teaches whom: all schemes on one task, with one budget, and data-free ones on the digits.

python benchmarks/schemes.py --data_dir=DATA [--only=pskd-*] [--time=MINUTES] [--commit]
python benchmarks/schemes.py --summary

Schemes that look at images stand on the shared experiment of configs/methods, a ResNet-8 of half
width on 5,000 CIFAR-10 images, beside the same student on labels alone and under plain soft
targets, for as many steps; their arguments are those of configs/schemes. Data-free ones stand on
the digits, beside the same student on the digits themselves and on noise. A teacher a seed serves
all cells of a task. Each student is looked at on the test split once, at the last step, its
calibration too. The other flags: benchmarks/cells.py.
"""

import importlib
import sys

import cells
import summary

NAME = "schemes"
SEEDS = (0, 1, 2)
LABELS, PLAIN = "labels", "soft_targets"
ON_IMAGES = (
    "mutual_learning", "kdcl", "one", "afd", "byot", "pskd", "mean_teacher", "adversarial_logits",
    "meal",
)  # fmt: skip
DATA_FREE = ("random_noise", "dafl", "zskt", "deep_inversion", "fast_datafree")
TASKS = {
    "cifar": ("CIFAR-10, 5,000 images", (LABELS, PLAIN, *ON_IMAGES)),
    "digits": ("digits", (PLAIN, *DATA_FREE)),
}
RATES = {"teacher": 150.0, "student": 250.0}
EXAMPLES = {"cifar": 5000, "digits": 1297}


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder that holds the TFDS data set cifar10_jpeg")


def config_of(task, name, seed=0, options=None):
    """The config of one cell.

    Args:
        task: a key of `TASKS`.
        name: one of its students, or `teacher`.
        seed: of the run.
        options: the flags.
    """
    config = (_on_cifar if task == "cifar" else _on_digits)(name)
    config.seed = seed
    config.data.data_dir = getattr(options, "data_dir", None) or ""
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train, config.baseline, config.distil)
    return config


def _scheme(name):
    return importlib.import_module(f"keras_kd.configs.schemes.{name}").get_config()


def _on_cifar(name):
    from keras_kd.configs.methods import experiment, soft_targets

    plain = soft_targets.get_config()
    if name in ("teacher", LABELS, PLAIN):
        plain.baseline.enabled = name == LABELS
        return plain
    own = _scheme(name)
    config = experiment(name, own.distil.methods, own.distil.label_weight)
    config.baseline.enabled = False
    for key in ("teachers", "learners", "optimizers"):
        config.distil[key] = own.distil[key]
    student = config.student.model.kwargs.to_dict()
    for peer in own.distil.learners:
        setattr(config, peer, own[peer])
        config[peer].model.kwargs = {**student}
    if name == "pskd":
        config.distil.methods.pskd = {"num_examples": 5000, "first_id": 10_000}
    return config


def _on_digits(name):
    if name in DATA_FREE:
        config = _scheme(name)
    else:
        from keras_kd.configs import digits

        config = digits.get_config()
    config.baseline.enabled = False
    if name == PLAIN:
        config.distil.update(mode="same/ic", **_length_of_data_free())
    return config


def _length_of_data_free():
    distil = _scheme(DATA_FREE[0]).distil
    return {"total": distil.total, "interval": distil.interval}


def list_cells(options):
    """A teacher a task and seed, and the students."""
    from keras_kd.utils.lengths import steps

    found = []

    def add(task, name, seed, needs=()):
        config = config_of(task, name, seed, options)
        kind = "teacher" if name == "teacher" else "student"
        stage = config.teacher.train if kind == "teacher" else config.distil
        if name == LABELS:
            stage = config.baseline
        unused = ("student", "baseline", "distil") if kind == "teacher" else ()
        facts = {"kind": kind, "task": task, "student": name, "seed": seed, "thin": options.thin}
        batch = config.batch_size
        images = batch * steps(stage.total, batch_size=batch, num_examples=EXAMPLES[task])
        facts |= cells.settings(config, unused)
        found.append(cells.Cell(f"{task}-{name}-{seed}", facts, needs, images))

    for task, (_, names) in TASKS.items():
        for seed in SEEDS[:1] if options.thin else SEEDS:
            add(task, "teacher", seed)
            for name in names:
                alone = name == LABELS or (task == "cifar" and not _follows(name))
                add(task, name, seed, () if alone else (f"{task}-teacher-{seed}",))
    return found


def _follows(name):
    """Whether a student on images follows the study's teacher."""
    return name == PLAIN or bool(_scheme(name).distil.teachers)


def work(cell, folder, options):
    """One teacher or one student."""
    facts = cell.facts
    task, name, seed = facts["task"], facts["student"], facts["seed"]
    if task == "cifar" and not options.data_dir:
        raise ValueError("--data_dir is missing. Give the folder that holds cifar10_jpeg.")
    import cell_runs

    config = config_of(task, name, seed, options)
    split = config.data.eval_split if task == "digits" else "test"
    if name == "teacher":
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = str(folder / "teacher.keras")
        model = cell_runs.load_teacher(config)
    elif name == LABELS:
        model, result = cell_runs.train_on_labels(config, folder)
    else:
        config.stages = ("distil",)
        if cell.needs:
            (teacher,) = cell.needs
            config.teacher.handle = str(folder.parent / teacher / "teacher.keras")
            config.teacher.model.name, config.teacher.model.kwargs = "", {}
            config.teacher.accept = options.thin  # after four steps it knows nothing
        if name in DATA_FREE:
            config.data.source, config.data.eval_source = "none:10,8,1", "digits"
        model, result = cell_runs.train_last(config, folder)
    found = cell_runs.scores(config, folder, split, model)
    return {"parameters": model.count_params(), **found, **cell_runs.measured(result)}


def summarize(results, options):
    """Writes results/schemes.json and the tables of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, tables(found), options)


def aggregate(results):
    """Means and intervals over the seeds: dict task -> dict student -> dict."""
    found = {}
    for task, (_, names) in TASKS.items():
        plain = summary.by_seed(results, "accuracy", task=task, student=PLAIN)
        for name in ("teacher", *names):
            own = {"task": task, "student": name}
            accuracy = summary.by_seed(results, "accuracy", **own)
            if not accuracy:
                continue
            errors = summary.by_seed(results, "calibration_error", **own)
            found.setdefault(task, {})[name] = {
                "accuracy": summary.interval(list(accuracy.values())),
                "calibration_error": summary.interval(list(errors.values())),
                "above_plain": summary.paired(accuracy, plain) if name != PLAIN else None,
            }
    return found


def tables(found):
    """A table a task, the best first."""
    parts = []
    for task, students in found.items():
        ranked = sorted(students, key=lambda name: -students[name]["accuracy"]["mean"])
        rows = [
            [
                f"*{name}*" if name in ("teacher", LABELS) else f"`{name}`",
                summary.points(students[name]["accuracy"]),
                summary.points(students[name]["above_plain"], sign=True),
                summary.points(students[name]["calibration_error"]),
                len(students[name]["accuracy"]["values"]),
            ]
            for name in ranked
        ]
        titles = [TASKS[task][0], "test accuracy, %", f"points above {PLAIN}"]
        titles += ["calibration error, %", "seeds"]
        parts.append(summary.table(titles, rows))
    return "\n\n".join(parts)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
