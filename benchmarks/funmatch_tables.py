"""The table and the plot of benchmarks/funmatch_study.py: a row or line a mode or baseline."""

import summary

NAME = "funmatch_study"
MODES = (
    "fix/rs", "fix/cc", "fix/ic_ens", "ind/rc", "ind/ic", "same/rc", "same/ic", "mix",
)  # fmt: skip
# The students of fix/rs again, shown images as they are in training there: whole.
WHOLE = "fix/rs, whole images"
# On labels alone, from nothing and pretrained; distilled under `mix`, pretrained.
SCRATCH, TRANSFER, PRETRAINED = "scratch", "transfer", "mix, pretrained"
BASELINES = {
    WHOLE: "`fix/rs`, whole images",
    SCRATCH: "labels alone",
    TRANSFER: "labels alone, pretrained",
    PRETRAINED: "`mix`, pretrained",
}


def aggregate(results):
    """Means over the seeds: mode -> length -> measure, shortest length first.

    Raises:
        ValueError: the students learned from different teachers.
    """
    teachers = {result["teacher"] for result in results if "teacher" in result}
    if len(teachers) > 1:
        raise ValueError(
            "The results of a data set must come from one teacher. Received: teachers "
            f"{', '.join(sorted(teachers))}. Delete the results of the others' students."
        )
    students, teacher = {}, None
    for result in sorted(results, key=lambda r: r["facts"]["epochs"]):
        facts = result["facts"]
        if facts["kind"] == "teacher":
            teacher = result["accuracy"]
        if facts["kind"] not in ("labels", "distil", "whole"):
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
    order = [mode for mode in (*MODES, *BASELINES) if mode in students]
    return {"teacher": teacher, "students": {mode: students[mode] for mode in order}}


def heading(dataset, found, task):
    """What the table's numbers are measured against."""
    teacher = f"{100 * found['teacher']:.1f} %" if found["teacher"] else "not trained yet"
    return (
        f"`{dataset}`: the teacher has {teacher} at {task.teacher_resolution} px, the student sees "
        f"{task.resolution} px. Test accuracy in %, mean over the seeds; at the longest length "
        "of all modes, each seed and the agreement with the teacher in %; at each length the "
        "divergence KL(teacher || student) in nats."
    )


def results_table(found):
    """A row a mode, a column a length."""
    epochs, rows = _epochs(found), []
    lengths = list(epochs)
    of_all = [length for length in lengths if length != "patient"][-1]
    for mode, of_mode in found["students"].items():
        longest = of_mode.get(of_all, {})
        seeds = longest.get("accuracy", {"values": []})["values"]
        rows.append(
            [
                BASELINES.get(mode, f"`{mode}`"),
                *(_mean(of_mode.get(length, {}).get("accuracy")) for length in lengths),
                ", ".join(f"{100 * value:.1f}" for value in seeds) or summary.NOTHING,
                *(_mean(longest.get(f"{split}_agreement")) for split in ("train", "test")),
                _apart(of_mode, lengths),
            ]
        )
    header = ["mode", *(f"{epochs[length]:,} epochs" for length in lengths)]
    header += ["each seed", "agreement, training images", "test images", "KL, test images"]
    return summary.table(header, rows)


def _epochs(found):
    """The lengths' names and epochs, shortest first."""
    modes = found["students"].values()
    epochs = {length: each["epochs"] for of_mode in modes for length, each in of_mode.items()}
    return dict(sorted(epochs.items(), key=lambda item: item[1]))


def _apart(of_mode, lengths):
    """How far a mode's students are from the teacher on test images, length by length."""
    found = [of_mode.get(length, {}).get("test_kl") for length in lengths]
    return ", ".join(f"{each['mean']:.2f}" for each in found if each) or summary.NOTHING


def _mean(found):
    return f"{100 * found['mean']:.1f}" if found else summary.NOTHING


def plot(dataset, found):
    """Accuracy, and distance from the teacher, against length: a line a mode."""
    figure, axes = summary.figure(ncols=3, figsize=(15, 4.5), layout="constrained")
    styles = {"fix": ":", "ind": "--", "same": "-", "mix": "-"}
    panels = {  # and the scale that keeps good ones apart
        "accuracy": ("test accuracy", "logit"),
        "train_kl": ("KL(teacher || student) on training images, nats", "log"),
        "test_kl": ("KL(teacher || student) on test images, nats", "log"),
    }
    for index, (mode, of_mode) in enumerate(found["students"].items()):
        style = {"linestyle": styles.get(mode.split("/")[0], "-."), "marker": "o", "markersize": 3}
        style["color"] = "black" if mode in ("mix", SCRATCH) else f"C{index % 9}"
        style["label"] = BASELINES.get(mode, mode).replace("`", "")
        for panel, measure in zip(axes, panels):
            lengths = [each for each in of_mode.values() if measure in each]
            values = [each[measure]["mean"] for each in lengths]
            if values:
                panel.plot([each["epochs"] for each in lengths], values, **style)
    if found["teacher"]:
        axes[0].axhline(found["teacher"], color="grey", label="teacher")
    epochs = list(_epochs(found).values())
    for panel, (title, scale) in zip(axes, panels.values()):
        panel.set(xlabel="epochs", xscale="log", ylabel=title, yscale=scale)
        panel.set_xticks(epochs, epochs)
        panel.set_xticks([], minor=True)
        panel.grid(alpha=0.3)
    means = [each["accuracy"]["mean"] for m in found["students"].values() for each in m.values()]
    low, high = min(means) - 0.05, max(*means, found["teacher"] or 0.0) + 0.05
    shares = [s for s in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95) if low < s < high]
    axes[0].set_yticks(shares, [f"{share:.0%}" for share in shares])
    axes[0].set_yticks([], minor=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return summary.save(figure, f"{NAME}_{dataset}")
