"""Students cut out of their teacher, against the same networks from scratch, on grocery_store.

python benchmarks/shrink.py --data_dir=DATA --weights=efficientnet_lite0.npz [--only=cut-*]
python benchmarks/shrink.py --summary

The run of configs/grocery_store.py at two sizes of the int8 file. A teacher a seed serves all
students of that seed; `cut` cells look at a network right after the cut, by each importance, with
and without the fit; the student cells are distilled or trained on labels alone, cut out of the
teacher or, in a network of the same widths, from random weights. The other flags:
benchmarks/cells.py.
"""

import itertools
import sys

import cells
import summary

NAME = "shrink"
SEEDS = (0, 1, 2)
SIZES = (1_200_000, 600_000)
CUTS = {  # what `shrink` is told, beside the widths and bytes
    "random": {"importance": "random", "choice": "uniform", "fit": False},
    "l1": {"importance": "l1", "choice": "uniform", "fit": False},
    "l1-fitted": {"importance": "l1", "choice": "uniform"},
    "taylor-fitted": {"importance": "taylor", "choice": "uniform"},
    "regression-fitted": {"importance": "regression", "choice": "uniform"},
    "global-fitted": {"importance": "regression", "choice": "global"},
}
STARTS = ("cut", "scratch")
WAYS = {"distilled": "distil", "labels": "baseline"}  # and the stage of each
# The others tell of one seed, since a study has hours: the goals are about these.
EVERY_SEED = (
    ("cut", "distilled", SIZES[0]),
    ("cut", "labels", SIZES[0]),
    ("cut", "distilled", SIZES[1]),
)
RATES = {"teacher": 40.0, "cut": 100.0, "student": 60.0}
IMAGES = 2640


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder of the TFDS set grocery_store")
    parser.add_argument("--weights", help="efficientnet_lite0.npz, from which the teacher starts")


def config_of(facts, options=None):
    """The config of one cell."""
    from keras_kd.configs import grocery_store

    config = grocery_store.get_config(getattr(options, "weights", None) or "")
    config.seed = facts["seed"]
    config.data.data_dir = getattr(options, "data_dir", None) or ""
    config.student.model.kwargs.bytes = facts.get("bytes", SIZES[0])
    config.baseline.enabled = facts.get("way") == "labels"
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train, config.baseline, config.distil)
        config.data.update(train_split="train[:300]", eval_split="test[:200]")
    return config


def list_cells(options):
    """A teacher a seed with its students, and what each cut leaves of the first."""
    from keras_kd.utils.lengths import steps

    found = []

    def add(name, needs=(), images=0, **facts):
        config = config_of(facts, options)
        other = "baseline" if facts.get("way") == "distilled" else "distil"
        unused = {"teacher": ("student", "baseline", "distil"), "student": (other,)}
        settings = cells.settings(config, unused.get(facts["kind"], ("baseline", "distil")))
        length = {"teacher": config.teacher.train, "student": config.distil}.get(facts["kind"])
        if length is not None:
            images = 64 * steps(length.total, batch_size=64, num_examples=IMAGES)
        found.append(cells.Cell(name, facts | settings | {"thin": options.thin}, needs, images))

    for seed in SEEDS[:1] if options.thin else SEEDS:  # each seed whole before the next
        add(f"teacher-{seed}", kind="teacher", seed=seed)
        for size, start, way in itertools.product(SIZES, STARTS, WAYS):
            if seed and (start, way, size) not in EVERY_SEED:
                continue
            needs = (f"teacher-{seed}",)
            if start == "scratch":
                needs += (f"cut-distilled-{size}-{seed}",)
            facts = {"kind": "student", "start": start, "way": way, "bytes": size, "seed": seed}
            add(f"{start}-{way}-{size}-{seed}", needs, **facts)
    for size in SIZES:
        add(f"cut-{size}", ("teacher-0",), 20_000, kind="cut", seed=0, bytes=size)
    return found


def work(cell, folder, options):
    """One teacher, the cuts of one size, or one student."""
    if not (options.data_dir and options.weights):
        raise ValueError(
            "--data_dir and --weights must be given: the folder of the TFDS set, and "
            "efficientnet_lite0.npz."
        )
    import cell_runs

    facts = cell.facts
    config = config_of(facts, options)
    handle = folder.parent / f"teacher-{facts['seed']}" / "teacher.keras"
    if facts["kind"] == "teacher":
        result = cell_runs.train_teacher(config, folder)
        return {"accuracy": result["accuracy"], **cell_runs.measured(result)}
    config.teacher.handle, config.teacher.model.name = str(handle), ""
    config.teacher.model.kwargs = {}
    config.teacher.accept = options.thin  # after four steps it knows nothing
    if facts["kind"] == "cut":
        return {"accuracy": {name: _after_the_cut(config, folder, CUTS[name]) for name in CUTS}}
    if facts["start"] == "scratch":
        _begin_at_random(config, folder, facts)
    elif facts["way"] == "labels":
        config.student.model.kwargs.of = str(handle)
    return _student(config, folder, facts)


def _student(config, folder, facts):
    import cell_runs

    from keras_kd.export.run import export

    found = {}
    if facts["way"] == "labels":
        model, result = cell_runs.train_on_labels(config, folder)
    else:
        model, result = cell_runs.distil(config, folder)
        file = export(folder, ("int8",))["int8"]
        found = {key: file[key] for key in ("bytes", "accuracy", "agreement_with_keras")}
        found = {f"int8_{key}": value for key, value in found.items()}
        found["agreement_of_pillow"] = cell_runs.least_agreement(folder)
    scores = cell_runs.scores(config, folder, config.data.eval_split, model)
    return {"parameters": model.count_params(), **scores, **found, **cell_runs.measured(result)}


def _after_the_cut(config, folder, how):
    """Accuracy of a network that was cut and has not been trained since."""
    import cell_runs

    from keras_kd.run import Experiment

    config = config.copy_and_resolve_references()
    with config.unlocked():
        config.student.model.kwargs.update(how)
    config.stages, config.baseline.enabled = ("distil",), False
    experiment = Experiment(config, folder / "-".join(map(str, how.values())))
    model, _ = experiment.learner(experiment.last, experiment.teacher(experiment.last))
    return cell_runs.scores(config, experiment.path, config.data.eval_split, model)["accuracy"]


def _begin_at_random(config, folder, facts):
    """The widths of the cut student of the same size, and random weights."""
    import cell_runs
    import keras

    cut = cell_runs.load_student(folder.parent / f"cut-distilled-{facts['bytes']}-{facts['seed']}")
    keras.utils.set_random_seed(facts["seed"])
    path = folder / "random.keras"
    if not path.exists():
        keras.models.clone_model(cut).save(path)
    config.student.model.kwargs = {"width": 1.0, "of": str(path)}


def summarize(results, options):
    """Writes results/shrink.json and the tables of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, tables(found), options)


def aggregate(results):
    """Means and intervals over the seeds."""
    teachers = [r["accuracy"] for r in results if r["facts"]["kind"] == "teacher"]
    cuts = {r["facts"]["bytes"]: r["accuracy"] for r in results if r["facts"]["kind"] == "cut"}
    students = {}
    for size in SIZES:
        for start in STARTS:
            named = {
                way: {"kind": "student", "start": start, "way": way, "bytes": size} for way in WAYS
            }
            by_way = {way: summary.by_seed(results, "accuracy", **named[way]) for way in WAYS}
            if not by_way["distilled"]:
                continue
            distilled = named["distilled"]
            files = summary.by_seed(results, "int8_accuracy", **distilled)
            students[f"{start}-{size}"] = {
                **{way: summary.interval(list(v.values())) for way, v in by_way.items() if v},
                "gain": summary.paired(by_way["distilled"], by_way["labels"]),
                "int8": summary.interval(list(files.values())),
                "bytes": max(summary.by_seed(results, "int8_bytes", **distilled).values()),
            }
    teacher = summary.interval(teachers) if teachers else None
    return {"teacher": teacher, "cuts": cuts, "students": students}


def tables(found):
    """Both tables of docs/results.md, accuracies in percent."""
    rows = []
    for name, one in found["students"].items():
        start, size = name.split("-")
        columns = one.get("labels"), one["distilled"], one["gain"], one["int8"]
        labels, distilled, gain, int8 = map(summary.points, columns)
        what = f"{start}, {int(size):,} bytes"
        rows.append([what, labels, distilled, gain, int8, f"{one['bytes']:,}"])
    titles = ["test accuracy, %", "labels alone", "distilled", "gain", "its int8 file", "bytes"]
    text = f"Teacher {summary.points(found['teacher'])} %.\n\n{summary.table(titles, rows)}"
    if not found["cuts"]:
        return text
    rows = [
        [name, *(f"{100 * cuts[name]:.1f}" for cuts in found["cuts"].values())] for name in CUTS
    ]
    titles = ["right after the cut, %", *(f"{size:,} bytes" for size in found["cuts"])]
    return f"{text}\n\n{summary.table(titles, rows)}"


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
