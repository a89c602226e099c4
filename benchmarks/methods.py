"""All methods of configs/methods on one task, with one budget, over several seeds.

python benchmarks/methods.py --data_dir=DATA [--only=dkd-*] [--time=MINUTES] [--commit]
python benchmarks/methods.py --idle --only=cost-*    on an idle machine: cost a step
python benchmarks/methods.py --summary

The shared experiment of configs/methods: a ResNet-20 teaches a ResNet-8 of half width on 5,000
CIFAR-10 images. A teacher a seed is trained first and serves all methods of that seed; beside the
methods stands the same student on labels alone, for as many steps (SimKD's student is larger: it
keeps its projector). Weights and layers are the papers' or the public codes', as each config says;
training is watched on 5,000 other training images, and the test
split is looked at once, at the last step. The other flags: benchmarks/cells.py.
"""

import importlib
import sys
from pathlib import Path

import cells
import summary

from keras_kd.utils.files import write_json

NAME = "methods"
SEEDS = (0, 1, 2)
PLAIN, LABELS = "soft_targets", "labels"
ROUNDS, STEPS = 15, 6  # of a cost cell: rounds, and steps of each side a round
IMAGES = 5000
# Images a second, evaluation and start included: for --plan before any cell is done.
RATES = {"teacher": 150.0, "labels": 700.0, "method": 280.0, "cost": 100.0}
UNUSED = {  # sections of the config that a cell does not look at; the teacher counts for students
    "teacher": ("student", "baseline", "distil"),
    "labels": ("teacher", "distil"),
    "method": ("baseline",),
    "cost": ("baseline", "teacher.train"),
}
CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "methods"
# Labels alone are the study's own baseline; several classes an image are another task.
ELSEWHERE = (LABELS, "binary_labels", "binary_soft_targets")
METHODS = sorted(
    path.stem for path in CONFIGS.glob("*.py") if path.stem not in ("__init__", *ELSEWHERE)
)
PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods.md"


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder that holds the TFDS data set cifar10_jpeg")


def config_of(name, seed=0, options=None):
    """The config of a method's cell; the teacher's and the label-only ones are the plain one's."""
    module = PLAIN if name in ("teacher", LABELS) else name
    config = importlib.import_module(f"keras_kd.configs.methods.{module}").get_config()
    config.seed = seed
    config.baseline.enabled = name == LABELS
    if options is not None and options.thin:
        for stage in (config.teacher.train, config.baseline, config.distil):
            stage.update(total="20 steps", interval="10 steps")
    if options is not None and options.data_dir:
        config.data.data_dir = options.data_dir
    return config


def list_cells(options):
    """A teacher a seed, all students, and the cost of each method."""
    found = []

    def add(cell, kind, config, stage, needs=(), **facts):
        settings = cells.settings(config, UNUSED[kind])
        images = _images(stage.total)
        found.append(cells.Cell(cell, {"kind": kind, **facts, **settings}, needs, images))

    seeds = SEEDS[:1] if options.thin else SEEDS
    for seed in seeds:
        config = config_of("teacher", seed, options)
        add(f"teacher-{seed}", "teacher", config, config.teacher.train, seed=seed)
    for seed in seeds:
        for name in (LABELS, PLAIN, *(name for name in METHODS if name != PLAIN)):
            config = config_of(name, seed, options)
            facts = {"method": name, "seed": seed}
            if name == LABELS:
                add(f"{name}-{seed}", "labels", config, config.baseline, **facts)
            else:
                needs = (f"teacher-{seed}",)
                add(f"{name}-{seed}", "method", config, config.distil, needs, **facts)
    rounds = 3 if options.thin else ROUNDS
    for name in METHODS:
        config = config_of(name)
        facts = {"kind": "cost", "method": name, "rounds": rounds, "steps": STEPS}
        facts |= cells.settings(config, UNUSED["cost"])
        images = 2 * rounds * STEPS * config.batch_size
        found.append(cells.Cell(f"cost-{name}", facts, images=images, idle=True))
    return found


def _images(total):
    from keras_kd.utils.lengths import steps

    return 64 * steps(total, batch_size=64, num_examples=IMAGES)


def work(cell, folder, options):
    """One teacher, one student, or the cost of one method."""
    kind, facts = cell.facts["kind"], cell.facts
    if kind == "cost":
        import method_cost

        pair = [config_of(each) for each in (facts["method"], PLAIN)]
        return method_cost.compare(*pair, facts["rounds"], facts["steps"])
    if not options.data_dir:
        raise ValueError("--data_dir is missing. Give the folder that holds cifar10_jpeg.")
    import cell_runs

    name = facts.get("method", "teacher")
    config = config_of(name, facts["seed"], options)
    handle = folder.parent / f"teacher-{facts['seed']}" / "teacher.keras"
    splits = {"validation": config.data.eval_split, "test": "test"}
    if kind == "teacher":
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = str(handle)
        model, teacher = cell_runs.load_teacher(config), None
    elif kind == "labels":
        model, result = cell_runs.train_on_labels(config, folder)
        teacher = None
    else:
        config.teacher.handle = str(handle)
        model, result = cell_runs.distil(config, folder)
        teacher = cell_runs.load_teacher(config)
    found = {
        role: cell_runs.scores(config, folder, split, model, teacher)
        for role, split in splits.items()
    }
    return {
        "parameters": model.count_params(),
        "accuracy": found["test"]["accuracy"],
        **found,
        **cell_runs.measured(result),
    }


def summarize(results, options):
    """Writes results/methods.json, the plot, and the tables of docs/results.md and methods.md."""
    found = aggregate(results)
    write_json(Path(options.results) / f"{NAME}.json", found)
    text = results_table(found)
    print(text)
    if options.thin:
        return
    image = plot(found)
    page = summary.DOCS / "results.md"
    summary.put_between(page, NAME, f"{text}\n\n![Test accuracy of each method]({image})")
    table = summary.between(PAGE, NAME)
    summary.put_between(PAGE, NAME, with_columns(table, found))


def aggregate(results):
    """Means and intervals over the seeds, for the teacher and every student."""
    results = list(results)
    students = {}
    plain = summary.by_seed(results, "accuracy", method=PLAIN, kind="method")
    for name in (LABELS, *METHODS):
        kind = "labels" if name == LABELS else "method"
        own = [
            r for r in results if r["facts"].get("method") == name and r["facts"]["kind"] == kind
        ]
        if not own:
            continue
        accuracy = summary.by_seed(own, "accuracy")
        students[name] = {
            "accuracy": summary.interval([accuracy[seed] for seed in sorted(accuracy)]),
            "above_plain": summary.paired(accuracy, plain) if name != PLAIN else None,
            "validation": summary.interval([r["validation"]["accuracy"] for r in own]),
            "agreement": summary.interval([r["test"]["agreement"] for r in own])
            if kind == "method"
            else None,
            "parameters": own[0]["parameters"],
        }
    teachers = [r for r in results if r["facts"]["kind"] == "teacher"]
    costs = [r for r in results if r["facts"]["kind"] == "cost"]
    return {
        "teacher": summary.interval([r["accuracy"] for r in teachers]) if teachers else None,
        "students": students,
        "cost": {
            r["facts"]["method"]: {"ratio": r["ratio"], "quartiles": r["quartiles"]} for r in costs
        },
    }


def _ranked(found):
    """The students, best first."""
    students = found["students"]
    return sorted(students, key=lambda name: -students[name]["accuracy"]["mean"])


def results_table(found):
    """The table of docs/results.md."""
    rows = [
        [
            "*teacher*",
            summary.points(found["teacher"]),
            *[summary.NOTHING] * 4,
        ]
    ]
    for name in _ranked(found):
        student = found["students"][name]
        rows.append(
            [
                "*labels alone*" if name == LABELS else f"`{name}`",
                summary.points(student["accuracy"]),
                summary.points(student["above_plain"], sign=True),
                summary.points(student["agreement"]),
                f"{student['parameters']:,}",
                len(student["accuracy"]["values"]),
            ]
        )
    scores = ["test accuracy, %", "points above plain", "agreement, %"]
    header = ["method", *scores, "parameters", "seeds"]
    return summary.table(header, rows)


def with_columns(table, found):
    """The table of docs/methods.md with the cost and the result of each row's config."""
    lines = []
    for index, line in enumerate(table.strip().splitlines()):
        columns = [part.strip() for part in line.strip().strip("|").split("|")][:6]
        if index == 0:
            columns += ["cost a step", "accuracy, %"]
        elif index == 1:
            columns += ["---:", "---:"]
        else:
            name = columns[5].strip("`").removesuffix(".py")
            cost_ = found["cost"].get(name)
            student = found["students"].get(name)
            columns += [
                f"{cost_['ratio']:.2f}" if cost_ else summary.NOTHING,
                summary.points(student and student["accuracy"]),
            ]
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def plot(found):
    """Accuracy and interval of every student, best first; lines for plain and label-only."""
    names = _ranked(found)[::-1]
    figure, axes = summary.figure(figsize=(7, 0.28 * len(names) + 1))
    for index, name in enumerate(names):
        accuracy = found["students"][name]["accuracy"]
        axes.errorbar(
            100 * accuracy["mean"],
            index,
            xerr=100 * (accuracy["half"] or 0),
            fmt="o",
            color="tab:red" if name in (PLAIN, LABELS) else "tab:blue",
            capsize=2,
        )
        if name in (PLAIN, LABELS):
            axes.axvline(100 * accuracy["mean"], color="tab:red", alpha=0.4, linestyle=":")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("test accuracy, %, mean and 95 % interval over the seeds")
    axes.grid(axis="x", alpha=0.3)
    return summary.save(figure, NAME)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
