"""What distillation gains where labels are scarce and images are not, over three seeds.

python benchmarks/gain.py --data_dir=DATA --weights=efficientnet_lite0.npz
python benchmarks/gain.py --summary

A cell is one run of `configs/few_labels.py`: teacher, the student on labels alone, the distilled
student, its float32 and int8 files, all on the test split. The gain is the distilled student's
accuracy less the baseline's, within a seed. The other flags: benchmarks/cells.py.
"""

import sys

import cells
import summary

NAME = "gain"
SEEDS = (0, 1, 2)
KIND = "few_labels"
TITLE = "CIFAR-10, 1,000 labels among 20,000 images"
IMAGES = 20_000
RATES = {KIND: 300.0}
FORMATS = ("float32", "int8")
COLUMNS = {
    "teacher": "teacher",
    "baseline": "labels alone",
    "student": "distilled",
    "int8": "its int8 file",
}
# Shares of test images with the distilled student's own class.
AGREEMENTS = {"agreement_of_int8": "int8 agrees", "agreement_of_pillow": "resized by Pillow agrees"}


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder of the TFDS set cifar10_jpeg")
    parser.add_argument("--weights", help="efficientnet_lite0.npz, from which the teacher starts")


def config_of(facts, options=None):
    """The config of one cell."""
    from keras_kd.configs import few_labels

    config = few_labels.get_config(getattr(options, "weights", None) or "")
    config.seed = facts["seed"]
    config.data.data_dir = getattr(options, "data_dir", None) or ""
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train, config.baseline, config.distil)
        config.data.update(train_split="train[:1500]", eval_split="test[:200]")
    return config


def list_cells(options):
    """One whole run a seed."""
    from keras_kd.config import trained_stages
    from keras_kd.utils.lengths import steps

    found = []
    for seed in SEEDS[:1] if options.thin else SEEDS:
        facts = {"kind": KIND, "seed": seed, "thin": options.thin}
        config = config_of(facts, options)
        settings = cells.settings(config)
        lengths = [stage.total for stage in trained_stages(config).values()]
        batch = {"batch_size": config.batch_size, "num_examples": IMAGES}
        images = sum(config.batch_size * steps(one, **batch) for one in lengths)
        found.append(cells.Cell(f"{KIND}-{seed}", facts | settings, images=images))
    return found


def work(cell, folder, options):
    """One run and its files."""
    if not (options.data_dir and options.weights):
        raise ValueError(
            "--data_dir and --weights must be given: the folder of cifar10_jpeg, and "
            "efficientnet_lite0.npz."
        )
    import cell_runs

    from keras_kd.export.run import export
    from keras_kd.run import run

    report = run(config_of(cell.facts, options), folder, progress=print)
    files = export(folder, FORMATS)
    return {
        **{role: report[role]["accuracy"] for role in ("teacher", "baseline", "student")},
        **{name: entry["accuracy"] for name, entry in files.items()},
        "agreement_of_int8": files["int8"]["agreement_with_keras"],
        "agreement_of_pillow": cell_runs.least_agreement(folder),
        "bytes": {name: entry["bytes"] for name, entry in files.items()},
        "parameters": report["student"]["parameters"],
        "seconds": {name: stage["seconds"] for name, stage in report["stages"].items()},
    }


def summarize(results, options):
    """Writes results/gain.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds, and those of the gain within a seed."""
    student, baseline = (summary.by_seed(results, role) for role in ("student", "baseline"))
    found = {role: summary.interval([r[role] for r in results]) for role in (*COLUMNS, *AGREEMENTS)}
    return found | {"gain": summary.paired(student, baseline)}


def table(found):
    """The table of docs/results.md, accuracies in percent."""
    gain = summary.points(found["gain"], sign=True)
    row = [*(summary.points(found[role]) for role in (*COLUMNS, *AGREEMENTS))]
    row = [TITLE, *row[: len(COLUMNS)], gain, *row[len(COLUMNS) :]]
    titles = ["test accuracy, %", *COLUMNS.values(), "gain", *AGREEMENTS.values()]
    return summary.table(titles, [row])


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
