"""A vision transformer tuned to other images: by Convpass, by its classifier alone, as a whole.

python benchmarks/convpass.py --data_dir=DATA
python benchmarks/convpass.py --summary

A ViT of 1.8 million parameters (32 px, patches of 4) learns 20,000 images of CIFAR-10, for six
epochs, and is then tuned to the twelve kinds of flowers12, with a tenth of their images and with
all, for as many steps by each of the three and over three seeds. The rate is 1e-3, of all weights
1e-4, and nothing is chosen by these images. A demonstration of the mechanism: a transformer that
has seen so little is none to keep. Memory is what training adds to the process at its peak, time
that of a step in the fastest tenth of a run. The other flags: benchmarks/cells.py.
"""

import resource
import sys
import time
from pathlib import Path

import cells
import summary

NAME = "convpass"
SEEDS = (0, 1, 2)
PRETRAINED = "pretrained"
# Way to tune -> what the table calls it, and its rate.
WAYS = {
    "head": ("classifier alone", 1e-3),
    "convpass": ("Convpass", 1e-3),
    "full": ("all weights", 1e-4),
}
SPLITS = {"a tenth": "train[:72]", "all": "train"}
VIT = {"variant": "Ti", "patch": 4, "width": 192, "depth": 4, "heads": 3, "mlp_width": 768}
ADAPTERS = {"dim": 8, "scale": 1.0, "where": "both", "init": "identity"}
SIDE, CLASSES = 32, 12
IMAGES, EPOCHS = 20_000, 6
STEPS, BATCH, DECAY = 300, 32, 1e-4
VIEW = "whole_image"
ROUNDS = 10  # parts of a run, of which the fastest tells the time of a step
# Images a second, before any cell is done.
RATES = {PRETRAINED: 140.0, "head": 190.0, "convpass": 135.0, "full": 110.0}


def add_flags(parser):
    """The flags of this study."""
    parser.add_argument("--data_dir", help="folder of the TFDS sets cifar10_jpeg and flowers12")


def config_of(options):
    """The config by which the transformer learns CIFAR-10."""
    from keras_kd.config import base, network, stage

    config = base()
    config.name = "convpass_pretrained"
    config.batch_size = 64
    config.deterministic = True
    config.data.update(
        source="tfds:cifar10_jpeg", data_dir=getattr(options, "data_dir", None) or "",
        train_split=f"train[:{IMAGES}]", eval_split="train[45000:]", resolution=SIDE,
    )  # fmt: skip
    config.teacher = network("vit", **VIT)
    config.teacher.train = stage(
        student_view="inception_crop(0.5,1)|flip", total=f"{EPOCHS} epochs", interval="1 epochs",
        learning_rate=1e-3, weight_decay=1e-4,
    )  # fmt: skip
    if getattr(options, "thin", False):
        cells.shorten(config.teacher.train)
        config.data.update(train_split="train[:300]", eval_split="train[49800:]")
    return config


def list_cells(options):
    """The transformer, and all ways to tune it, a seed after the other."""
    thin = {"thin": True} if options.thin else {}
    settings = cells.settings(config_of(options), ("baseline", "distil", "student"))
    facts = {"kind": PRETRAINED, "seed": 0} | settings | thin
    found = [cells.Cell(PRETRAINED, facts, (), EPOCHS * IMAGES)]
    common = {"steps": STEPS, "batch": BATCH, "decay": DECAY, "view": VIEW, "vit": VIT}
    for seed in SEEDS[:1] if options.thin else SEEDS:
        for images, split in SPLITS.items():
            for way, (_, rate) in WAYS.items():
                facts = {"kind": way, "seed": seed, "images": images, "split": split, "rate": rate}
                facts |= common | thin | ({"adapters": ADAPTERS} if way == "convpass" else {})
                name = f"{way}-{'tenth' if images == 'a tenth' else images}-{seed}"
                found.append(cells.Cell(name, facts, (PRETRAINED,), STEPS * BATCH))
    return found


def work(cell, folder, options):
    """The transformer, or one that is made of it by one of the ways."""
    if not options.data_dir:
        raise ValueError("--data_dir must be given: the folder of cifar10_jpeg and flowers12.")
    if cell.facts["kind"] == PRETRAINED:
        return _pretrain(folder, options)
    return _tune(cell.facts, str(folder.parent / PRETRAINED / "teacher.keras"), options)


def _pretrain(folder, options):
    import cell_runs

    config = config_of(options)
    result = cell_runs.train_teacher(config, folder)
    config.teacher.handle = str(folder / "teacher.keras")
    model = cell_runs.load_teacher(config)
    scores = cell_runs.scores(config, folder, "test", model)
    found = {"parameters": model.count_params(), "accuracy": scores["accuracy"]}
    return found | cell_runs.measured(result)


def _tune(facts, path, options):
    """Trains one network by one way, and looks at the test images once."""
    import keras
    import numpy as np

    from keras_kd import KDModel, methods, optimizers
    from keras_kd.data import build_dataset, evaluation_dataset, load_source

    keras.utils.set_random_seed(facts["seed"])
    model = network_of(facts["kind"], path)
    steps = ROUNDS if options.thin else facts["steps"]
    rate = optimizers.WarmupCosine(facts["rate"], steps, steps // 10)
    kd = KDModel(model, methods=methods.Labels(), seed=facts["seed"])
    kd.compile(optimizers.AdamW(rate, facts["decay"] * facts["rate"], epsilon=1e-8))
    source = load_source("tfds:flowers12", data_dir=options.data_dir)
    data = build_dataset(source, facts["split"], VIEW, facts["batch"], SIDE, facts["seed"])
    clock = _clock()
    before = _resident()
    kd.fit(data, steps_per_epoch=steps // ROUNDS, epochs=ROUNDS, verbose=0, callbacks=[clock])
    memory = _peak() - before
    right = [
        np.argmax(model(images, training=False), -1) == labels
        for images, labels in evaluation_dataset(source, "test", 60, SIDE, full_image=True)
    ]
    return {
        "accuracy": float(np.mean(np.concatenate(right))),
        "trained": int(sum(np.prod(v.shape) for v in model.trainable_variables)),
        "memory": memory,
        "step": min(clock.seconds) / (steps // ROUNDS),
    }


def network_of(way, path):
    """The transformer with a new classifier, of which a way lets some weights learn."""
    from keras_kd import models

    model = models.build("vit", CLASSES, (SIDE, SIDE, 3), **VIT)
    model = models.start_from(path, CLASSES, (SIDE, SIDE, 3), model)
    if way == "convpass":
        return models.convpass(model, **ADAPTERS)
    if way == "head":
        for layer in model.layers:
            layer.trainable = layer.name == "logits"
    return model


def _clock():
    """A callback with the seconds of each part of a run."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.began)

    return Clock()


def _resident():
    """Memory of this process now, bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * resource.getpagesize()


def _peak():
    """The most that it ever had, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def summarize(results, options):
    """Writes results/convpass.json and the table of docs/results.md."""
    found = aggregate(list(results))
    summary.tell(NAME, found, table(found), options)


def aggregate(results):
    """Means and intervals over the seeds, and those of what Convpass gains within a seed."""
    pretrained = next((r["accuracy"] for r in results if r["facts"]["kind"] == PRETRAINED), None)
    ways = {}
    for way in WAYS:
        own = [r for r in results if r["facts"]["kind"] == way]
        if not own:
            continue
        ways[way] = {
            "trained": own[0]["trained"],
            "memory": max(r["memory"] for r in own),
            "step": min(r["step"] for r in own),
            "accuracy": {
                images: summary.interval(list(seeds.values()))
                for images in SPLITS
                if (seeds := summary.by_seed(results, "accuracy", kind=way, images=images))
            },
            "lead": {
                images: summary.paired(*(
                    summary.by_seed(results, "accuracy", kind=kind, images=images)
                    for kind in ("convpass", way)
                ))
                for images in SPLITS
            },
        }  # fmt: skip
    return {"pretrained": pretrained, "ways": ways}


def table(found):
    """The table of docs/results.md, accuracies in percent."""
    rows = []
    for way, own in found["ways"].items():
        cells_of = [summary.points(own["accuracy"].get(images)) for images in SPLITS]
        lead = [
            summary.NOTHING if way == "convpass" else summary.points(own["lead"][images], sign=True)
            for images in SPLITS
        ]
        sizes = [f"{own['trained']:,}", f"{own['memory'] / 1e6:,.0f}", f"{1e3 * own['step']:.0f}"]
        rows.append([WAYS[way][0], *sizes, *cells_of, *lead])
    header = ["learns", "weights", "memory, MB", "step, ms"]
    header += [f"with {images}" for images in SPLITS] + [f"Convpass, {one}" for one in SPLITS]
    return summary.table(header, rows)


STUDY = cells.Study(NAME, __file__, list_cells, work, summarize, add_flags, RATES)

if __name__ == "__main__":
    sys.exit(cells.main(STUDY))
