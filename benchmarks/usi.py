"""One recipe for any network, against labels alone by the same settings, over three seeds.

python benchmarks/usi.py --data_dir=DATA --weights=efficientnet_lite0.npz
python benchmarks/usi.py --summary

The settings of `configs/usi.py`, nothing tuned, on 5,000 images of CIFAR-10 at 32 px, for 20 epochs
in place of 300. One teacher, an EfficientNet-Lite0 fine-tuned at 96 px on the same images, serves
all. Every network learns twice a seed: with it, and from the labels alone. Training is watched on
5,000 other training images; the test split is looked at once, at the last step. The other flags:
benchmarks/cells.py.
"""

import sys

import cells
import summary

NAME = "usi"
SEEDS = (0, 1, 2)
# Name of a builder -> what the tables call it.
BACKBONES = {
    "resnet": "ResNet-14",
    "mobilenet_v3_small": "MobileNetV3-Small",
    "vit": "ViT, 6 blocks of width 96",
    "mixer": "MLP-Mixer, 6 blocks of width 96",
}
TEACHER, USI, LABELS = "teacher", "usi", "labels"
SPLITS = {"train_split": "train[:5000]", "eval_split": "train[45000:]"}
IMAGES, EPOCHS = 5000, 20
RATES = {TEACHER: 40.0, USI: 150.0, LABELS: 400.0}  # images a second, before any cell is done
UNUSED = {
    TEACHER: ("student", "baseline", "distil"),
    USI: ("baseline", "teacher"),  # the teacher has a cell of its own
    LABELS: ("teacher", "distil"),
}


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder of the TFDS set cifar10_jpeg")
    parser.add_argument("--weights", help="efficientnet_lite0.npz, from which the teacher starts")


def config_of(facts, options=None):
    """The config of one cell."""
    from keras_kd.configs import usi

    weights = getattr(options, "weights", None)
    argument = facts.get("backbone", "resnet") + (f",weights={weights}" if weights else "")
    config = usi.get_config(argument)
    config.seed = facts["seed"]
    config.deterministic = True
    config.baseline.enabled = facts["kind"] == LABELS
    config.data.update(SPLITS, data_dir=getattr(options, "data_dir", None) or "")
    config.teacher.train.update(total="5 epochs", interval="1 epochs")
    for stage in (config.baseline, config.distil):
        stage.update(total=f"{EPOCHS} epochs", interval="5 epochs")
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train, config.baseline, config.distil)
        config.data.update(train_split="train[:300]", eval_split="train[49800:]")
    return config


def list_cells(options):
    """The teacher, and every network by both, a seed after the other."""
    thin = {"thin": True} if options.thin else {}
    found = []

    def add(name, facts, epochs, needs=()):
        settings = cells.settings(config_of(facts, options), UNUSED[facts["kind"]])
        found.append(cells.Cell(name, facts | settings | thin, needs, epochs * IMAGES))

    add(TEACHER, {"kind": TEACHER, "seed": 0}, 5)
    for seed in SEEDS[:1] if options.thin else SEEDS:
        for backbone in BACKBONES:
            for kind, needs in ((USI, (TEACHER,)), (LABELS, ())):
                facts = {"kind": kind, "backbone": backbone, "seed": seed}
                add(f"{backbone}-{kind}-{seed}", facts, EPOCHS, needs)
    return found


def work(cell, folder, options):
    """The teacher, or one network by one of both."""
    if not (options.data_dir and options.weights):
        raise ValueError(
            "--data_dir and --weights must be given: the folder of cifar10_jpeg, and "
            "efficientnet_lite0.npz."
        )
    import cell_runs

    kind, config = cell.facts["kind"], config_of(cell.facts, options)
    handle = str(folder.parent / TEACHER / "teacher.keras")
    teacher = None
    if kind == TEACHER:
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = handle
        model = cell_runs.load_teacher(config)
        # It is scored in the student's place, at its own size.
        config.data.update(resolution=config.data.teacher_resolution, teacher_resolution=0)
    elif kind == LABELS:
        model, result = cell_runs.train_on_labels(config, folder)
    else:
        config.teacher.handle = handle
        config.teacher.accept = options.thin  # in four steps it has learned nothing
        model, result = cell_runs.distil(config, folder)
        teacher = cell_runs.load_teacher(config)
    scores = cell_runs.scores(config, folder, "test", model, teacher)
    return {
        "parameters": model.count_params(),
        "accuracy": scores["accuracy"],
        "test": scores,
        **cell_runs.measured(result),
    }


def summarize(results, options):
    """Writes results/usi.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds, and those of the gain within a seed."""
    teacher = next((r["accuracy"] for r in results if r["facts"]["kind"] == TEACHER), None)
    networks = {}
    for backbone in BACKBONES:
        usi, labels = (
            summary.by_seed(results, "accuracy", kind=kind, backbone=backbone)
            for kind in (USI, LABELS)
        )
        if usi and labels:
            own = next(r for r in results if r["facts"].get("backbone") == backbone)
            networks[backbone] = {
                "parameters": own["parameters"],
                "labels": summary.interval([labels[seed] for seed in sorted(labels)]),
                "usi": summary.interval([usi[seed] for seed in sorted(usi)]),
                "gain": summary.paired(usi, labels),
            }
    return {"teacher": teacher, "networks": networks}


def table(found):
    """The table of docs/results.md, accuracies in percent."""
    teacher = summary.NOTHING if found["teacher"] is None else f"{100 * found['teacher']:.2f}"
    rows = [["*teacher*", summary.NOTHING, teacher, summary.NOTHING, summary.NOTHING]]
    for backbone, own in found["networks"].items():
        rows.append(
            [
                BACKBONES[backbone],
                f"{own['parameters']:,}",
                summary.points(own["labels"]),
                summary.points(own["usi"]),
                summary.points(own["gain"], sign=True),
            ]
        )
    return summary.table(["network", "parameters", "labels alone", "USI", "gain"], rows)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
