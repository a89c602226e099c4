"""Function matching on real photographs: eight teaching modes, three lengths, two seeds.

python benchmarks/funmatch_study.py --data_dir=DATA --weights=efficientnet_lite0.npz
    [--dataset=flowers12] [--only=*-mix-*] [--time=MINUTES] [--commit] [--plan]
python benchmarks/funmatch_study.py --summary

After Beyer et al. 2021, "Knowledge distillation: A good teacher is patient and consistent", arXiv
2106.05237, Figures 3 and 4. The teacher is EfficientNet-Lite0, pretrained on ImageNet and
fine-tuned on the training images. The student, a BiT of one unit a stage, starts from nothing; it
learns from the teacher alone, or from the labels alone for as long. Nothing is chosen on the test
split: lengths and sizes come from the time there is, the rest from the paper. The last step counts.
The other flags: benchmarks/cells.py.
"""

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import cells
import summary

from keras_kd.files import write_json

NAME = "funmatch_study"
SEEDS = (0, 1)
MODES = (
    "fix/rs", "fix/cc", "fix/ic_ens", "ind/rc", "ind/ic", "same/rc", "same/ic", "mix",
)  # fmt: skip
SCRATCH = "scratch"  # the same student on labels alone
# Under fix/ic_ens; the paper's 1,024 would take four times as long. The standard error of a mean of
# 256 probabilities is at most 1/32.
FIX_CROPS = 256
TEMPERATURE, LEARNING_RATE, WEIGHT_DECAY = 2.0, 3e-3, 1e-4  # in the middle of the paper's sweeps
# Images a second, evaluation and start included: for --plan before any cell is done.
RATES = {"teacher": 70.0, "distil": 400.0, "scratch": 700.0}


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
    """

    source: str
    train_images: int
    batch_size: int
    resolution: int
    teacher_resolution: int
    width: float
    teacher_epochs: int
    epochs: dict


TASKS = {
    "flowers12": Task(
        "tfds:flowers12", 720, 72, 48, 96, 0.25, 30, {"short": 30, "medium": 100, "long": 300}
    ),
    "grocery_store": Task(
        "tfds:grocery_store", 2640, 66, 48, 96, 0.25, 15, {"short": 10, "medium": 33, "long": 100}
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
    dataset, task = options.dataset, TASKS[options.dataset]
    sizes = {key: getattr(task, key) for key in ("resolution", "teacher_resolution", "width")}
    shared = {"dataset": dataset, "batch_size": task.batch_size, **sizes}
    epochs = 1 if options.thin else task.teacher_epochs
    facts = {"kind": "teacher", **shared, "epochs": epochs}
    del facts["width"], facts["resolution"]
    teacher = cells.Cell(f"{dataset}-teacher", facts, images=epochs * task.train_images)
    found, shorter = [teacher], {}
    for length, epochs in (THIN if options.thin else task.epochs).items():
        for seed in SEEDS[:1] if options.thin else SEEDS:
            for mode in (SCRATCH, *MODES):
                name = f"{dataset}-{mode.replace('/', '_')}-{length}-{seed}"
                kind = SCRATCH if mode == SCRATCH else "distil"
                facts = {"kind": kind, "mode": mode, "length": length, "epochs": epochs}
                facts |= {"seed": seed, **shared}
                if mode == "fix/ic_ens":
                    facts["fix_crops"] = 8 if options.thin else FIX_CROPS
                needs = () if mode == SCRATCH else (teacher.name,)
                if mode.startswith("fix/") and length != "short":
                    needs += (shorter[mode, seed],)  # which computes and keeps the targets
                shorter.setdefault((mode, seed), name)
                images = epochs * task.train_images
                found.append(cells.Cell(name, facts, needs, images))
    return found


def config_of(facts, options, folder):
    """The config of one cell that works in `folder`."""
    from keras_kd.config import base, stage

    task = TASKS[facts["dataset"]]
    config = base()
    config.name = NAME
    config.seed = facts.get("seed", 0)
    config.batch_size = task.batch_size
    config.data.source = task.source
    config.data.data_dir = options.data_dir
    config.data.resolution = task.resolution
    config.data.teacher_resolution = task.teacher_resolution
    lengths = {"total": f"{facts['epochs']} epochs", "interval": "20 percent"}
    if facts["kind"] == "teacher":
        config.data.crop_area = (0.2, 1.0)
        config.teacher.model = {
            "name": "efficientnet_lite",
            "kwargs": {"variant": 0, "weights": options.weights, "synchronized": False},
        }
        config.teacher.train = stage(mode="same/ic", learning_rate=5e-4, **lengths)
    else:
        config.teacher.handle = str(folder.parent / f"{facts['dataset']}-teacher/teacher.keras")
    kwargs = {"depth": (1, 1, 1, 1), "width": task.width}
    config.student.model = {"name": "bit_resnet", "kwargs": kwargs}
    recipe = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, **lengths}
    config.baseline.update(mode="same/ic", **recipe)
    config.distil.update(mode="same/ic", **recipe)
    config.distil.methods = {"soft_targets": {"temperature": TEMPERATURE}}
    if facts["kind"] == "distil":
        config.distil.mode = facts["mode"]
        if facts["mode"].startswith("fix/"):
            config.distil.fix_crops = facts.get("fix_crops", 1)
            # One folder a seed: what the short run computes serves the longer ones.
            config.fixed_targets = str(
                folder.parent / f"{facts['dataset']}-targets-{facts['seed']}"
            )
    return config


def work(cell, folder, options):
    """The teacher, or one student."""
    if not options.data_dir:
        raise ValueError("--data_dir is missing. Give the folder that holds the data set.")
    import cell_runs

    config, kind = config_of(cell.facts, options, folder), cell.facts["kind"]
    if kind == "teacher":
        if not options.weights:
            raise ValueError("--weights is missing. Give the archive of EfficientNet-Lite0.")
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = str(folder / "teacher.keras")
        config.data.resolution = config.data.teacher_resolution
        student, teacher = cell_runs.load_teacher(config), None
    else:
        trained = cell_runs.train_on_labels if kind == SCRATCH else cell_runs.distil
        student, result = trained(config, folder)
        teacher = None if kind == SCRATCH else cell_runs.load_teacher(config)
    found = {
        split: cell_runs.scores(config, folder, split, student, teacher)
        for split in ("train", "test")
    }
    return {
        "parameters": student.count_params(),
        "accuracy": found["test"]["accuracy"],
        **found,
        **cell_runs.measured(result),
    }


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
        text = f"{heading(dataset, each)}\n\n{results_table(each)}"
        print(text)
        if not options.thin:
            text += f"\n\n![{dataset}: accuracy against length]({plot(dataset, each)})"
        sections.append(text)
    if not options.thin:
        summary.put_between(summary.DOCS / "results.md", NAME, "\n\n".join(sections))


def aggregate(results):
    """Means over the seeds: mode -> length -> measure, shortest length first."""
    students, teacher = {}, None
    for result in sorted(results, key=lambda r: r["facts"]["epochs"]):
        facts = result["facts"]
        if facts["kind"] == "teacher":
            teacher = result["accuracy"]
            continue
        of_mode = students.setdefault(facts["mode"], {})
        of_length = of_mode.setdefault(facts["length"], {"epochs": facts["epochs"], "runs": []})
        of_length["runs"].append(result)
    for of_mode in students.values():
        for length in of_mode.values():
            runs = length.pop("runs")
            length["accuracy"] = summary.interval([run["accuracy"] for run in runs])
            for split in ("train", "test"):
                for measure in ("agreement", "kl"):
                    values = [run[split][measure] for run in runs if measure in run[split]]
                    if values:
                        length[f"{split}_{measure}"] = summary.interval(values)
            length["images_per_second"] = statistics.median(r["images_per_second"] for r in runs)
    order = [mode for mode in (*MODES, SCRATCH) if mode in students]
    return {"teacher": teacher, "students": {mode: students[mode] for mode in order}}


def heading(dataset, found):
    """What the table's numbers are measured against."""
    task = TASKS[dataset]
    teacher = f"{100 * found['teacher']:.1f} %" if found["teacher"] else "not trained yet"
    return (
        f"`{dataset}`: the teacher has {teacher} at {task.teacher_resolution} px, the student sees "
        f"{task.resolution} px. Test accuracy in %, mean over the seeds, and each seed at the "
        "longest; then the agreement with the teacher at the longest, in %."
    )


def results_table(found):
    """A row a mode, a column a length."""
    epochs = {
        length: each["epochs"]
        for of_mode in found["students"].values()
        for length, each in of_mode.items()
    }
    lengths, rows = sorted(epochs, key=epochs.get), []
    for mode, of_mode in found["students"].items():
        longest = of_mode.get(lengths[-1], {})
        seeds = longest.get("accuracy", {"values": []})["values"]
        rows.append(
            [
                "labels alone" if mode == SCRATCH else f"`{mode}`",
                *(_mean(of_mode.get(length, {}).get("accuracy")) for length in lengths),
                ", ".join(f"{100 * value:.1f}" for value in seeds) or summary.NOTHING,
                *(_mean(longest.get(f"{split}_agreement")) for split in ("train", "test")),
            ]
        )
    header = ["mode", *(f"{epochs[length]:,} epochs" for length in lengths)]
    header += ["each seed", "agreement, training images", "test images"]
    return summary.table(header, rows)


def _mean(found):
    return f"{100 * found['mean']:.1f}" if found else summary.NOTHING


def plot(dataset, found):
    """Accuracy, and agreement on the training images, against length: a line a mode."""
    figure, (left, right) = summary.figure(ncols=2, figsize=(11, 4.5))
    styles = {"fix": ":", "ind": "--", "same": "-", "mix": "-", SCRATCH: "-."}
    for index, (mode, of_mode) in enumerate(found["students"].items()):
        style = {"linestyle": styles[mode.split("/")[0]], "marker": "o", "markersize": 3}
        style["color"] = "black" if mode in ("mix", SCRATCH) else f"C{index}"
        epochs = [each["epochs"] for each in of_mode.values()]
        accuracy = [100 * each["accuracy"]["mean"] for each in of_mode.values()]
        left.plot(epochs, accuracy, label="labels alone" if mode == SCRATCH else mode, **style)
        if mode != SCRATCH:
            agreement = [100 * each["train_agreement"]["mean"] for each in of_mode.values()]
            right.plot(epochs, agreement, label=mode, **style)
    if found["teacher"]:
        left.axhline(100 * found["teacher"], color="grey", label="teacher")
    left.set_ylabel("test accuracy, %")
    right.set_ylabel("agreement with the teacher on training images, %")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("epochs")
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    return summary.save(figure, f"{NAME}_{dataset}")


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
