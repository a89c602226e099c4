"""Born again on digits over five seeds: networks that learn from one like themselves.

python benchmarks/born_again.py [--only=generation*] [--time=MINUTES] [--commit]
python benchmarks/born_again.py --summary

Generation 0 is the demo's student on labels alone. Generation 1 is the same network with other
first weights, and learns from it as configs/born_again.py says; generation 2 learns from
generation 1.
Beside them the same network learns from labels for as many steps as all three together. The other
flags: benchmarks/cells.py.

Paper: Furlanello et al. 2018, "Born-Again Neural Networks", arXiv 1805.04770.
"""

import sys

import cells
import summary

NAME = "born_again"
SEEDS = (0, 1, 2, 3, 4)
STEPS = 608  # the 60 epochs of configs/born_again.py
INTERVAL = 76
LABELS = ("generation0", "long")  # those that learn from labels
ROLES = {
    "generation0": "generation 0, labels alone",
    "long": "labels alone, three times as long",
    "generation1": "generation 1",
    "generation2": "generation 2",
}
FOLLOWS = {"generation1": "generation0", "generation2": "generation1"}
UNUSED = {True: ("student", "baseline", "distil", "export"), False: ("baseline", "export")}
RATES = {"generation0": 2000.0, "long": 2000.0, "generation1": 1000.0, "generation2": 1000.0}


def config_of(facts):
    """The config of one cell: every network of it is the demo's student."""
    from keras_kd.configs import born_again, digits

    config, again = digits.get_config(), born_again.get_config().again
    config.seed = facts["seed"]
    config.teacher.model = config.student.model.copy_and_resolve_references()
    config.distil.update(
        mode=again.mode, methods=again.methods, label_weight=again.label_weight,
        seed=int(facts["kind"] == "generation1") + 2 * int(facts["kind"] == "generation2"),
    )  # fmt: skip
    for stage in (config.teacher.train, config.distil):
        stage.update(total=f"{facts['steps']} steps", interval=f"{INTERVAL} steps")
    return config


def list_cells(options):
    """Three generations for each seed, and labels for as long as all of them."""
    found = []
    for seed in SEEDS[:1] if options.thin else SEEDS:
        for role in ROLES:
            steps = INTERVAL if options.thin else STEPS * (3 if role == "long" else 1)
            facts = {"kind": role, "seed": seed, "steps": steps}
            facts |= cells.settings(config_of(facts), UNUSED[role in LABELS])
            needs = (f"{FOLLOWS[role]}-{seed}",) if role in FOLLOWS else ()
            found.append(cells.Cell(f"{role}-{seed}", facts, needs, 128 * steps))
    return found


def work(cell, folder, options):
    """One generation."""
    import cell_runs

    config, teacher = config_of(cell.facts), None
    if cell.facts["kind"] in LABELS:
        result = cell_runs.train_teacher(config, folder)
        config.teacher.handle = str(folder / "teacher.keras")
        model = cell_runs.load_teacher(config)
    else:
        before = folder.parent / cell.needs[0]
        name = "teacher" if cell.needs[0].split("-")[0] in LABELS else "student"
        config.teacher.handle = str(before / f"{name}.keras")
        teacher = cell_runs.load_teacher(config)
        model, result = cell_runs.distil(config, folder)
    scores = cell_runs.scores(config, folder, "test", model, teacher)
    return {"parameters": model.count_params(), **scores, **cell_runs.measured(result)}


def summarize(results, options):
    """Writes results/born_again.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds, and of the differences within a seed.

    Args:
        results: list of results.

    Returns:
        dict role -> dict of `accuracy`, `agreement` with the one before, and `gain` above each of
        `LABELS`; None where there are no results.
    """
    return {role: _row(results, role) for role in ROLES}


def _row(results, role):
    own = summary.by_seed(results, "accuracy", kind=role)
    row = {"accuracy": _interval(own), "agreement": None, "gain": {}}
    if role in FOLLOWS:
        row["agreement"] = _interval(summary.by_seed(results, "agreement", kind=role))
        for other in LABELS:
            row["gain"][other] = summary.paired(
                own, summary.by_seed(results, "accuracy", kind=other)
            )
    return row


def _interval(values):
    return summary.interval([values[seed] for seed in sorted(values)]) if values else None


def table(found):
    """The table of docs/results.md, in percent."""
    rows = [
        [
            ROLES[role],
            summary.points(row["accuracy"]),
            summary.points(row["agreement"]),
            *(summary.points(row["gain"].get(other), sign=True) for other in LABELS),
        ]
        for role, row in found.items()
    ]
    titles = ["network", "test accuracy, %", "agrees with the one before, %",
              "above generation 0", "above labels three times as long"]  # fmt: skip
    return summary.table(titles, rows)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, rates=RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
