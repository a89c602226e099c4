"""What distillation gains on photographs, over three seeds: two configs, each trained whole.

python benchmarks/gain.py --data_dir=DATA --weights=efficientnet_lite0.npz [--only=few_labels-*]
python benchmarks/gain.py --summary

A cell is one run of `configs/few_labels.py` or `configs/grocery_store.py`: teacher, the student on
labels alone, the distilled student, its float32 and int8 files, all on the test split. The gain is
the distilled student's accuracy less the baseline's, within a seed. The other flags:
benchmarks/cells.py.
"""

import importlib
import sys
from pathlib import Path

import cells
import summary

from keras_kd.utils.files import read_json

NAME = "gain"
SEEDS = (0, 1, 2)
CONFIGS = {
    "few_labels": "CIFAR-10, 1,000 labels among 20,000 images",
    "grocery_store": "Grocery Store, 2,640 labels",
}
RATES = {"few_labels": 300.0, "grocery_store": 60.0}
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
    parser.add_argument("--data_dir", help="folder of the TFDS sets cifar10_jpeg, grocery_store")
    parser.add_argument("--weights", help="efficientnet_lite0.npz, from which networks start")


def config_of(facts, options=None):
    """The config of one cell."""
    module = importlib.import_module(f"keras_kd.configs.{facts['kind']}")
    config = module.get_config(getattr(options, "weights", None) or "")
    config.seed = facts["seed"]
    config.data.data_dir = getattr(options, "data_dir", None) or ""
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train, config.baseline, config.distil)
        config.data.update(train_split="train[:1500]", eval_split="test[:200]")
    return config


def list_cells(options):
    """One whole run a config and seed."""
    from keras_kd.config import trained_stages
    from keras_kd.utils.lengths import steps

    found = []
    for name in CONFIGS:
        for seed in SEEDS[:1] if options.thin else SEEDS:
            facts = {"kind": name, "seed": seed, "thin": options.thin}
            config = config_of(facts, options)
            settings = cells.settings(config)
            lengths = [stage.total for stage in trained_stages(config).values()]
            batch = config.batch_size
            images = sum(batch * steps(one, batch_size=batch, num_examples=2640) for one in lengths)
            found.append(cells.Cell(f"{name}-{seed}", facts | settings, images=images))
    return found


def work(cell, folder, options):
    """One run and its files."""
    if not (options.data_dir and options.weights):
        raise ValueError(
            "--data_dir and --weights must be given: the folder of the TFDS sets, and "
            "efficientnet_lite0.npz."
        )
    from keras_kd.export.run import export
    from keras_kd.run import run

    report = run(config_of(cell.facts, options), folder, progress=print)
    files = export(folder, FORMATS)
    return {
        **{role: report[role]["accuracy"] for role in ("teacher", "baseline", "student")},
        **{name: entry["accuracy"] for name, entry in files.items()},
        "agreement_of_int8": files["int8"]["agreement_with_keras"],
        "agreement_of_pillow": least_agreement(folder),
        "bytes": {name: entry["bytes"] for name, entry in files.items()},
        "parameters": report["student"]["parameters"],
        "seconds": {name: stage["seconds"] for name, stage in report["stages"].items()},
    }


def least_agreement(folder):
    """Of the student with itself, over the other ways to resize that the export tried."""
    _, *others = read_json(Path(folder) / "report.json")["resizing"]["kinds"]
    return min(kind["agreement"] for kind in others)


def summarize(results, options):
    """Writes results/gain.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds, and those of the gain within a seed."""
    found = {}
    for name in CONFIGS:
        own = [result for result in results if result["facts"]["kind"] == name]
        if not own:
            continue
        student, baseline = (summary.by_seed(own, role) for role in ("student", "baseline"))
        found[name] = {
            role: summary.interval([r[role] for r in own]) for role in (*COLUMNS, *AGREEMENTS)
        }
        found[name]["gain"] = summary.paired(student, baseline)
    return found


def points(found, roles):
    """Cells of the table: each role's mean and interval in percent."""
    return [summary.points(found[role]) for role in roles]


def table(found):
    """The table of docs/results.md, accuracies in percent."""
    rows = [
        [CONFIGS[name], *points(one, COLUMNS), summary.points(one["gain"], sign=True),
         *points(one, AGREEMENTS)]
        for name, one in found.items()
    ]  # fmt: skip
    titles = ["test accuracy, %", *COLUMNS.values(), "gain", *AGREEMENTS.values()]
    return summary.table(titles, rows)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
