"""The demo over five seeds, against the same student on labels alone for as many steps.

python benchmarks/digits.py [--only=tenth-*] [--time=MINUTES] [--commit]
python benchmarks/digits.py --summary

Twice: with all labels, which is the demo, and with a tenth of them. There teacher and label-only
student see 130 labelled digits and nothing else, and the distilled student sees all 1,297 training
digits without a label. Everything else is configs/digits.py. The other flags: benchmarks/cells.py.
"""

import sys
from pathlib import Path

import cells
import summary

from keras_kd.utils.files import write_json

NAME = "digits_seeds"  # `digits` is the report of one demo
SEEDS = (0, 1, 2, 3, 4)
SPLITS = {"all": "train", "tenth": "train[:10%]"}  # of what is labelled
ROLES = {
    "teacher": "the teacher",
    "labels": "student, labels alone",
    "student": "student, distilled",
}
# The demo's 30 and 100 epochs, and its interval of 5; a tenth of the images takes as many steps.
STEPS = {"teacher": 304, "labels": 1014, "student": 1014}
INTERVAL = 51
UNUSED = {  # sections of the config that a cell does not look at
    "teacher": ("student", "baseline", "distil", "export"),
    "labels": ("teacher", "distil", "export"),
    "student": ("baseline", "export"),
}
RATES = {"teacher": 250.0, "labels": 1500.0, "student": 1000.0}


def config_of(facts):
    """The demo's config for one cell."""
    from keras_kd.configs import digits

    config = digits.get_config()
    config.seed = facts["seed"]
    if facts["kind"] != "student":
        config.data.train_split = SPLITS[facts["share"]]
    lengths = {"total": f"{facts['steps']} steps", "interval": f"{INTERVAL} steps"}
    for stage in (config.teacher.train, config.baseline, config.distil):
        stage.update(lengths)
    return config


def list_cells(options):
    """Teacher, label-only student and distilled student for each seed and share of labels."""
    found = []
    for seed in SEEDS[:1] if options.thin else SEEDS:
        for share in SPLITS:
            for role in ROLES:
                steps = 102 if options.thin else STEPS[role]
                facts = {"kind": role, "share": share, "seed": seed, "steps": steps}
                facts |= cells.settings(config_of(facts), UNUSED[role])
                needs = (f"{share}-teacher-{seed}",) if role == "student" else ()
                name = f"{share}-{role}-{seed}"
                found.append(cells.Cell(name, facts, needs, images=128 * steps))
    return found


def work(cell, folder, options):
    """One stage of the demo."""
    import cell_runs

    config, kind, teacher = config_of(cell.facts), cell.facts["kind"], None
    if kind == "labels":
        model, result = cell_runs.train_on_labels(config, folder)
    else:
        name = cell.name.replace("student", "teacher")
        handle = str(folder.parent / name / "teacher.keras")
        if kind == "teacher":
            result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = handle
        model = teacher = cell_runs.load_teacher(config)
        if kind == "student":
            model, result = cell_runs.distil(config, folder)
    scores = cell_runs.scores(config, folder, "test", model, teacher)
    return {"parameters": model.count_params(), **scores, **cell_runs.measured(result)}


def summarize(results, options):
    """Writes results/digits_seeds.json, the plot and the table of docs/results.md."""
    found = aggregate(results)
    write_json(Path(options.results) / f"{NAME}.json", found)
    text = results_table(found)
    print(text)
    if not options.thin:
        image = plot(found)
        text = f"{text}\n\n![Accuracy with all and with a tenth of the labels]({image})"
        summary.put_between(summary.DOCS / "results.md", NAME, text)


def aggregate(results):
    """Means and intervals over the seeds, and of the differences within a seed."""
    found = {}
    for share in SPLITS:
        accuracy = {
            role: summary.by_seed(results, "accuracy", kind=role, share=share) for role in ROLES
        }
        found[share] = {
            role: summary.interval([values[seed] for seed in sorted(values)])
            for role, values in accuracy.items()
            if values
        }
        gain = summary.paired(accuracy["student"], accuracy["labels"])
        if gain:
            found[share]["student - labels"] = gain
    return found


def results_table(found):
    """The table of docs/results.md."""
    rows = [
        [text, *(summary.points(found[share].get(role)) for share in SPLITS)]
        for role, text in ROLES.items()
    ]
    gains = [summary.points(found[share].get("student - labels"), sign=True) for share in SPLITS]
    rows.append(["gain, within a seed, points", *gains])
    return summary.table(["accuracy, %", "all labels", "a tenth of the labels"], rows)


def plot(found):
    """Every seed's accuracy as a point, means as bars."""
    figure, panels = summary.figure(ncols=len(SPLITS), figsize=(8, 3), squeeze=False)
    for axes, share in zip(panels[0], SPLITS):
        roles = [role for role in ROLES if role in found[share]]
        for index, role in enumerate(roles):
            shown = found[share][role]
            axes.errorbar(
                index, 100 * shown["mean"], yerr=100 * (shown["half"] or 0), fmt="_", capsize=4
            )
            points = [100 * value for value in shown["values"]]
            axes.plot([index + 0.15] * len(points), points, "o", color="grey", markersize=3)
        axes.set_xticks(range(len(roles)), roles)
        axes.set_title(f"{share} labels" if share == "all" else f"a {share} of the labels")
        axes.set_ylabel("test accuracy, %")
        axes.grid(axis="y", alpha=0.3)
    return summary.save(figure, NAME)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, rates=RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
