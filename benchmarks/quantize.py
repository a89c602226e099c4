"""What few bits cost, rounded after training and trained in: digits and photographs of flowers.

python benchmarks/quantize.py --data_dir=DATA --weights=efficientnet_lite0.npz [--only=digits-*]
python benchmarks/quantize.py --summary

A float cell a seed trains a teacher and distils its student (configs/digits.py; of flowers12
EfficientNet-Lite0, and what configs/grocery_store.py cuts out of it), and writes the student's
files rounded after training. An aware cell starts from that student in 8, 4 or 2 bits, and follows
it by soft targets alone, or learns from labels alone, for as many steps; its file is what counts.
Everything is looked at on the test split once, at the last step. The table goes between
`quantize: begin` and `quantize: end` of docs/results.md. The other flags: benchmarks/cells.py.
"""

import sys

import cells
import summary

NAME = "quantize"
SEEDS = (0, 1, 2)
DATA = {"digits": "digits, ResNet-8", "flowers12": "flowers12, cut out of EfficientNet-Lite0"}
BITS = (8, 4, 2)
TARGETS = {"soft": "soft targets", "labels": "labels alone"}
RATES = {"digits": 900.0, "flowers12": 60.0}
IMAGES = {"digits": 1297, "flowers12": 720}
AFTER = ("float32", "int8", "int4")  # files of a float student
FILE = {8: "int8", 4: "int4", 2: "int4"}  # file of one in few bits


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder that holds the TFDS data set flowers12")
    parser.add_argument("--weights", help="efficientnet_lite0.npz, from which networks start")


def float_config(data, seed, options=None):
    """The config of a float cell: a teacher, and the student that follows it."""
    from keras_kd.configs import digits, grocery_store

    if data == "digits":
        config = digits.get_config()
    else:
        config = grocery_store.get_config(getattr(options, "weights", None) or "")
        config.data.source = f"tfds:{data}"
        config.data.data_dir = getattr(options, "data_dir", None) or ""
    config.name, config.seed = f"{NAME}_{data}", seed
    config.stages, config.baseline.enabled = ("teacher", "distil"), False
    return _shortened(config, (config.teacher.train, config.distil), options)


def aware_config(data, seed, bits, target, options=None, handle=""):
    """The config of an aware cell.

    Args:
        data: a key of `DATA`.
        seed: of the float cell, and of this one.
        bits: of a weight.
        target: a key of `TARGETS`.
        options: the flags.
        handle: file of the float student.
    """
    from keras_kd.config import network, stage

    config = float_config(data, seed, options)
    config.before = network("")
    config.before.handle = handle
    config.before.accept = bool(getattr(options, "thin", False))  # in four steps nothing is learned
    config.quantized = network("quantize_aware", weights=bits, of="before")
    soft = target == "soft"
    config.quantize = stage(
        network="quantized",
        teachers=("before",) if soft else (),
        methods={"soft_targets": {"temperature": 1.0}} if soft else {},
        label_weight=0.0 if soft else 1.0,
        mode="mix" if soft and data == "digits" else "same/ic",
        total="40 epochs" if data == "digits" else "15 epochs",
        interval="5 epochs",
        learning_rate=1e-3 if data == "digits" else 2e-4,
    )
    config.stages = ("quantize",)
    return _shortened(config, (config.quantize,), options)


def _shortened(config, stages, options):
    if getattr(options, "thin", False):
        cells.shorten(*stages)
        config.data.update(train_split="train[:200]", eval_split="test[:100]")
    return config


def list_cells(options):
    """A float cell a data set and seed, and the aware ones that start from it."""
    found = []
    for data in DATA:
        for seed in SEEDS[:1] if options.thin else SEEDS:
            name = f"{data}-float-{seed}"
            config = float_config(data, seed, options)
            found.append(_cell(name, "float", data, seed, config, options))
            for bits in BITS:
                for target in TARGETS:
                    config = aware_config(data, seed, bits, target, options)
                    own = {"bits": bits, "target": target}
                    aware = f"{data}-{bits}-{target}-{seed}"
                    found.append(_cell(aware, "aware", data, seed, config, options, (name,), own))
    return found


def _cell(name, role, data, seed, config, options, needs=(), own=None):
    from keras_kd.utils.lengths import steps

    stages = (config.teacher.train, config.distil) if role == "float" else (config.quantize,)
    batch = config.batch_size
    images = sum(batch * steps(one.total, batch_size=batch, num_examples=IMAGES[data])
                 for one in stages)  # fmt: skip
    settings = cells.settings(config)
    settings = {key: value for key, value in settings.items() if not key.endswith(".handle")}
    facts = {"kind": data, "role": role, "seed": seed, "thin": options.thin, **(own or {})}
    return cells.Cell(name, facts | settings, needs, images)


def work(cell, folder, options):
    """One run and its files."""
    from keras_kd.export.run import export
    from keras_kd.run import run

    facts = cell.facts
    data, seed = facts["kind"], facts["seed"]
    if data != "digits" and not (options.data_dir and options.weights):
        raise ValueError(
            "--data_dir and --weights must be given: the folder of flowers12, and "
            "efficientnet_lite0.npz."
        )
    if facts["role"] == "float":
        config, formats = float_config(data, seed, options), AFTER
    else:
        handle = folder.parent / f"{data}-float-{seed}" / "student.keras"
        arguments = data, seed, facts["bits"], facts["target"], options, str(handle)
        config, formats = aware_config(*arguments), ("int8", FILE[facts["bits"]])
    report = run(config, folder, progress=print)
    files = export(folder, formats)
    return {
        "accuracy": report["student"]["accuracy"],
        "files": {name: entry["accuracy"] for name, entry in files.items()},
        "bytes": {name: entry["bytes"] for name, entry in files.items()},
        "agreement": {name: entry["agreement_with_keras"] for name, entry in files.items()},
    }


def summarize(results, options):
    """Writes results/quantize.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds; differences are those within a seed.

    Args:
        results: list of results.

    Returns:
        list of dicts, one a row: `data`, `bits` (0: floats), `how`, `accuracy` of the file,
        `difference` from the float file, `bytes` and `agreement` with the Keras student.
    """
    rows = []
    for data in DATA:
        own = [result for result in results if result["facts"]["kind"] == data]
        floats = [result for result in own if result["facts"]["role"] == "float"]
        reference = _by_seed(floats, "float32")
        for bits, name in ((0, "float32"), (8, "int8"), (4, "int4")):
            how = "after training" if bits else "distilled"
            rows.append(_row(data, bits, how, floats, name, reference))
        for bits in BITS:
            for target, how in TARGETS.items():
                aware = [
                    result for result in own
                    if (result["facts"].get("bits"), result["facts"].get("target"))
                    == (bits, target)
                ]  # fmt: skip
                rows.append(_row(data, bits, how, aware, FILE[bits], reference))
    return [row for row in rows if row]


def _by_seed(results, name):
    return {result["facts"]["seed"]: result["files"][name] for result in results}


def _row(data, bits, how, results, name, reference):
    if not results:
        return None
    accuracy = _by_seed(results, name)
    return {
        "data": data,
        "bits": bits,
        "how": how,
        "accuracy": summary.interval([accuracy[seed] for seed in sorted(accuracy)]),
        "difference": summary.paired(accuracy, reference) if bits else None,
        "bytes": results[0]["bytes"][name],
        "agreement": summary.interval([result["agreement"][name] for result in results]),
    }


def table(found):
    """The table of docs/results.md, accuracies in percent."""
    rows = [
        [
            DATA[row["data"]],
            row["bits"] or "float",
            row["how"],
            summary.points(row["accuracy"]),
            summary.points(row["difference"], sign=True),
            summary.points(row["agreement"]),
            f"{row['bytes']:,}",
        ]
        for row in found
    ]
    titles = ["", "bits of a weight", "learned by", "test accuracy of the file, %",
              "above the float file", "agrees with Keras, %", "bytes"]  # fmt: skip
    return summary.table(titles, rows)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
