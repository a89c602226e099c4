"""Function matching on real photographs: eight teaching modes, three lengths, two seeds.

python benchmarks/funmatch_study.py --data_dir=DATA --weights=efficientnet_lite0.npz
    [--dataset=flowers12] [--only=*-mix-*] [--time=MINUTES] [--commit] [--plan]
python benchmarks/funmatch_study.py --summary

After Beyer et al. 2021, "Knowledge distillation: A good teacher is patient and consistent", arXiv
2106.05237, Figures 3 and 4. The teacher is EfficientNet-Lite0, pretrained on ImageNet and
fine-tuned on the training images. The student, a BiT of one unit a stage, starts from nothing and
learns from the teacher alone. Beside it the paper's baselines, for as long: the same student on
labels alone, from nothing and pretrained (on CIFAR-10, as no public weights fit it), and the
pretrained one distilled. `mix` and labels alone go on for longer still. What the teacher says is
computed once for all lengths of a mode and seed, in float32, so that a student gets what a live
teacher would tell it.

Nothing is chosen on the test split: lengths and sizes come from the time there is, the rest from
the paper. The last step counts. The other flags: benchmarks/cells.py.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import cells
import summary
from funmatch_tables import (
    MODES,
    NAME,
    PRETRAINED,
    SCRATCH,
    TRANSFER,
    WHOLE,
    aggregate,
    heading,
    plot,
    results_table,
)

from keras_kd.utils.files import write_json

SEEDS = (0, 1)
PATIENT = (SCRATCH, "mix")  # go on for longer still: does patience go on paying?
# Under fix/ic_ens; the paper's 1,024 would take four times as long. The standard error of a mean of
# 256 probabilities is at most 1/32.
FIX_CROPS = 256
TEMPERATURE, LEARNING_RATE, WEIGHT_DECAY = 2.0, 3e-3, 1e-4  # in the middle of the paper's sweeps
PRETRAINING_IMAGES, PRETRAINING_EPOCHS = 20_000, 8
# Images a second, evaluation and start included: for --plan before any cell is done.
RATES = {
    "teacher": 70.0,
    "targets": 400.0,
    "distil": 600.0,
    "labels": 600.0,
    "pretraining": 600.0,
    "whole": 100.0,
}

UNUSED = {  # sections that a cell does not look at; students tell their teacher by its digest
    "teacher": ("distil", "baseline", "student"),
    "pretraining": ("distil", "teacher"),
    "labels": ("distil", "teacher"),
    "targets": ("baseline", "student"),
    "distil": ("baseline", "teacher"),
    "whole": ("baseline", "teacher"),
}


@dataclass(frozen=True)
class Task:
    """A data set, and the sizes at which it fits the time there is.

    Attributes:
        source: data source.
        train_images: training images.
        batch_size: images a step.
        resolution: side of the student's images, px.
        teacher_resolution: side of the teacher's, of the same crop.
        width: of the student.
        teacher_epochs: of its fine-tuning.
        epochs: dict of the lengths' names to epochs; the longest is ten times the shortest or more.
        patient: epochs of one length more, for `PATIENT` alone, or 0.
        modes: the rows of the table.
    """

    source: str
    train_images: int
    batch_size: int
    resolution: int
    teacher_resolution: int
    width: float
    teacher_epochs: int
    epochs: dict
    patient: int = 0
    modes: tuple = (SCRATCH, *MODES, TRANSFER, PRETRAINED, WHOLE)


TASKS = {
    "flowers12": Task(
        "tfds:flowers12", 720, 72, 48, 96, 0.25, 30, {"short": 30, "medium": 100, "long": 300}, 900
    ),
    # Three and a half times the images: what the paper compares first, for as many steps.
    "grocery_store": Task(
        "tfds:grocery_store",
        train_images=2640,
        batch_size=66,
        resolution=48,
        teacher_resolution=96,
        width=0.25,
        teacher_epochs=15,
        epochs={"short": 10, "medium": 33, "long": 100},
        modes=(SCRATCH, "fix/cc", "same/ic", "mix"),
    ),
}
THIN = {"short": 2, "medium": 4, "long": 20}


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", default="", help="folder that holds the TFDS data sets")
    parser.add_argument("--weights", default="", help="EfficientNet-Lite0 archive for the teacher")
    parser.add_argument(
        "--dataset", default="flowers12", choices=list(TASKS), help="default: flowers12"
    )


def list_cells(options):
    """The teacher, then the short cells of all modes, the medium ones, the long ones."""
    datasets = TASKS if options.summary else [options.dataset]
    return [cell for dataset in datasets for cell in _cells_of(dataset, options)]


def _cells_of(dataset, options):
    task, found = TASKS[dataset], []
    lengths = THIN if options.thin else task.epochs
    seeds = SEEDS[:1] if options.thin else SEEDS

    def add(name, images, needs=(), **facts):
        facts["dataset"] = dataset
        facts |= cells.settings(config_of(facts, options, Path()), UNUSED[facts["kind"]])
        needs = tuple(f"{dataset}-{need}" for need in needs)
        found.append(cells.Cell(f"{dataset}-{name}", facts, needs, images))

    epochs = 1 if options.thin else task.teacher_epochs
    add("teacher", epochs * task.train_images, kind="teacher", epochs=epochs)
    if TRANSFER in task.modes or PRETRAINED in task.modes:
        epochs = 1 if options.thin else PRETRAINING_EPOCHS
        add("pretraining", epochs * PRETRAINING_IMAGES, kind="pretraining", epochs=epochs)
    for seed in seeds:
        for mode in (mode for mode in MODES if mode in task.modes):
            facts = {"kind": "targets", "mode": mode, "epochs": lengths["long"], "seed": seed}
            images = lengths["long"] * task.train_images
            if mode.startswith("fix/"):
                facts["epochs"], images = 1, task.train_images
            if mode == "fix/ic_ens":
                facts["fix_crops"] = 2 if options.thin else FIX_CROPS
                images *= facts["fix_crops"]
            add(f"targets-{_word(mode)}-{seed}", images, ("teacher",), **facts)

    def add_students(length, epochs, modes, targets="targets"):
        for mode in modes:
            for seed in seeds:
                facts = {"mode": mode, "length": length, "epochs": epochs, "seed": seed}
                facts["kind"] = "labels" if mode in (SCRATCH, TRANSFER) else "distil"
                needs = ("pretraining",) if mode in (TRANSFER, PRETRAINED) else ()
                if facts["kind"] == "distil":
                    needs += ("teacher", f"{targets}-{_word(_taught(mode))}-{seed}")
                name = f"{_word(mode)}-{length}-{seed}"
                add(name, epochs * task.train_images, needs, **facts)

    for length, epochs in lengths.items():
        add_students(length, epochs, [mode for mode in task.modes if mode != WHOLE])
        for seed in seeds if WHOLE in task.modes else ():
            student = f"{_word(_taught(WHOLE))}-{length}-{seed}"
            facts = {"mode": WHOLE, "length": length, "epochs": epochs, "seed": seed}
            add(f"{student}-whole", 2 * task.train_images, (student,), kind="whole", **facts)
    if task.patient and not options.thin:
        for seed in seeds:  # into the folder of the other lengths, whose targets they begin with
            facts = {"kind": "targets", "mode": "mix", "epochs": task.patient, "seed": seed}
            images = (task.patient - lengths["long"]) * task.train_images
            add(f"patient-targets-mix-{seed}", images, (f"targets-mix-{seed}",), **facts)
        add_students("patient", task.patient, PATIENT, "patient-targets")
    return found


def _taught(mode):
    """The teaching mode of a row of the table."""
    return {PRETRAINED: "mix", WHOLE: "fix/rs"}.get(mode, mode)


def _word(mode):
    return mode.replace("/", "_").replace(", ", "_")


def config_of(facts, options, folder):
    """The config of one cell that works in `folder`."""
    from keras_kd.config import base, stage

    kind, mode, task = facts["kind"], facts.get("mode", ""), TASKS[facts["dataset"]]

    def place(cell, name):
        return str(folder.parent / f"{facts['dataset']}-{cell}" / name)

    config = base()
    config.name = NAME
    config.seed = facts.get("seed", 0)
    config.batch_size = task.batch_size
    config.data.source = task.source
    config.data.data_dir = options.data_dir
    config.data.resolution = task.resolution
    config.data.teacher_resolution = task.teacher_resolution
    lengths = {"total": f"{facts['epochs']} epochs", "interval": "20 percent"}
    if kind == "teacher":
        config.data.resolution = task.teacher_resolution
        config.data.crop_area = (0.2, 1.0)
        config.teacher.model = {
            "name": "efficientnet_lite",
            "kwargs": {"variant": 0, "weights": options.weights, "synchronized": False},
        }
        config.teacher.train = stage(mode="same/ic", learning_rate=5e-4, **lengths)
        return config
    config.teacher.handle = place("teacher", "teacher.keras")
    kwargs = {"depth": (1, 1, 1, 1), "width": task.width}
    config.student.model = {"name": "bit_resnet", "kwargs": kwargs}
    if mode in (TRANSFER, PRETRAINED):
        config.student.init = place("pretraining", "student.keras")
    recipe = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, **lengths}
    config.baseline.update(mode="same/ic", **recipe)
    if kind == "pretraining":
        config.data.source = "tfds:cifar10_jpeg"
        config.data.train_split = f"train[:{100 if options.thin else PRETRAINING_IMAGES}]"
        config.data.eval_split = "train[49000:]"
    config.data.eval_full_image = kind == "whole"
    if kind in ("targets", "distil", "whole"):
        config.distil.update(mode=_taught(mode), **recipe)
        config.distil.methods = {"soft_targets": {"temperature": TEMPERATURE}}
        targets = place(f"targets-{_word(_taught(mode))}-{config.seed}", "targets")
        if mode.startswith("fix/"):
            config.distil.fix_crops = 2 if options.thin else FIX_CROPS
            config.fixed_targets = targets
        else:
            config.teacher_cache = targets
    return config


def work(cell, folder, options):
    """The teacher, what it says, or one student."""
    if not options.data_dir:
        raise ValueError("--data_dir is missing. Give the folder that holds the data sets.")
    import cell_runs

    config, kind = config_of(cell.facts, options, folder), cell.facts["kind"]
    if kind == "targets":
        cell_runs.compute_targets(config, folder)
        return {"teacher": _digest(config.teacher.handle)}
    if kind == "teacher":
        if not options.weights:
            raise ValueError("--weights is missing. Give the archive of EfficientNet-Lite0.")
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = str(folder / "teacher.keras")
        student, teacher = cell_runs.load_teacher(config), None
    elif kind == "distil":
        student, result = cell_runs.distil(config, folder)
        teacher = cell_runs.load_teacher(config)
    elif kind == "whole":
        student = cell_runs.load_student(folder.parent / cell.needs[0])
        teacher, result = cell_runs.load_teacher(config), None
    else:
        student, result = cell_runs.train_on_labels(config, folder)
        teacher = None
    if kind == "pretraining":
        student.save(folder / "student.keras")
        return {"accuracy": result["accuracy"], **cell_runs.measured(result)}
    found = {
        split: cell_runs.scores(config, folder, split, student, teacher)
        for split in ("train", "test")
    }
    if kind in ("teacher", "distil", "whole"):
        found["teacher"] = _digest(config.teacher.handle)
    return {
        "parameters": student.count_params(),
        "accuracy": found["test"]["accuracy"],
        **found,
        **(cell_runs.measured(result) if result else {}),
    }


def _digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def summarize(results, options):
    """Writes results/funmatch_study.json, and for each data set its plot and table."""
    found = {
        dataset: aggregate([r for r in results if r["facts"]["dataset"] == dataset])
        for dataset in TASKS
    }
    found = {dataset: each for dataset, each in found.items() if each["students"]}
    write_json(Path(options.results) / f"{NAME}.json", found)
    sections = []
    for dataset, each in found.items():
        text = f"{heading(dataset, each, TASKS[dataset])}\n\n{results_table(each)}"
        print(text)
        if not options.thin:
            text += f"\n\n![{dataset}: accuracy against length]({plot(dataset, each)})"
        sections.append(text)
    if not options.thin:
        summary.put_between(summary.DOCS / "results.md", NAME, "\n\n".join(sections))


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
