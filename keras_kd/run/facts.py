"""What a run leaves when its stages are done: the student, and the facts in `report.json`."""

import numpy as np
import tensorflow as tf

from keras_kd.config.chain import yardstick
from keras_kd.run import networks, sources
from keras_kd.run.class_groups import group_facts
from keras_kd.utils.files import write_atomically, write_json

EXITS = "exits.keras"  # the student with early answers, where a method lets them leave


def save_student(experiment):
    """Writes `student.keras`, in float32 whatever it was trained in: only the student leaves.

    Args:
        experiment: a `keras_kd.run.Experiment` whose stages are done.
    """
    stage = experiment.last
    student = experiment.networks[stage.name]
    if experiment.config.precision != "float32":
        trained, teacher = student, experiment.teacher(stage)
        student, _ = experiment.learner(stage, teacher, precision="float32")
        student.set_weights(trained.get_weights())
    networks.save(student, experiment.path / "student.keras")
    for method in experiment.methods[stage.name]:
        exits = method.with_exits(student)
        if exits is not None:
            networks.save(exits, experiment.path / EXITS)


def write_report(experiment, command=""):
    """Evaluates teacher and student side by side and writes `report.json` (exports come later).

    Args:
        experiment: a `keras_kd.run.Experiment` whose stages are done.
        command: what a reader of the report types to make this run again.

    Returns:
        dict: what the file holds.
    """
    config, stage, workdir = experiment.config, experiment.last, experiment.workdir
    # The scan knows the labels: decoding the images once more for them would be wasted.
    labels = experiment.source.split(config.data.eval_split).labels
    student, teacher = experiment.networks[stage.name], experiment.teacher(stage)
    models = {"student_logits": (student, "student")}
    if teacher is not None:
        models["teacher_logits"] = (teacher, "teacher")
    compared = yardstick(config)
    if compared is not None:
        models["baseline_logits"] = (experiment.networks[compared.name], "student")
    logits = predict(experiment.streams.held_out(), models)
    write_atomically(
        workdir / "predictions.npz", lambda file: np.savez(file, label=labels, **logits)
    )
    result = workdir.result(stage.name)
    report = {
        "dataset": config.data.eval_source or config.data.source,
        "name": config.name,
        "teacher": None,
        "baseline": compared and {"accuracy": workdir.result(compared.name)["accuracy"]},
        "student": {
            "name": _network_name(config, stage.network),
            "accuracy": share(logits["student_logits"], labels),
            "parameters": student.count_params(),
        },
        "fidelity": None,
        "paired": _paired(logits, labels),
        "train": {key: result[key] for key in ("steps", "images_per_second", "seconds")},
        "stages": {one.name: _stage(experiment, one) for one in experiment.stages},
        "classes": list(experiment.source.class_names),
        "data": _data(experiment),
        "command": command,
        "exports": {},
    }
    if teacher is not None:
        report["teacher"] = {
            "name": ", ".join(_name(config, one) for one in stage.teachers),
            "accuracy": share(logits["teacher_logits"], labels),
            "parameters": teacher.count_params(),
        }
        report["fidelity"] = {"kl": result["kl"], "agreement": result["agreement"]}
    if apart := group_facts(experiment, lambda networks: _own_logits(experiment, networks)):
        report["class_groups"] = apart
    if config.ensemble:
        report["ensemble"] = _ensemble(experiment)
    write_json(workdir / "report.json", report)
    return report


def _paired(logits, labels):
    """Images on which the student alone is right, and those on which another network alone is.

    Args:
        logits: name -> `[N, K]`, the student's among them.
        labels: int `[N]`.

    Returns:
        dict: role -> [student alone, other alone].
    """
    right = {name: values.argmax(axis=-1) == labels for name, values in logits.items()}
    own = right.pop("student_logits")
    return {
        name.removesuffix("_logits"): [int((own & ~other).sum()), int((other & ~own).sum())]
        for name, other in right.items()
    }


def _stage(experiment, stage):
    """What is told of one stage."""
    beside = _beside(experiment, experiment.beside.get(stage.name))
    return {
        **({"beside": beside} if beside else {}),
        **experiment.workdir.result(stage.name),
        "network": _network_name(experiment.config, stage.network),
        "parameters": experiment.networks[stage.name].count_params(),
        "teachers": [teacher.name for teacher in stage.teachers],
    }


def _beside(experiment, models):
    """Accuracy and size of what was trained beside a stage's network."""
    if not models:
        return {}
    labels = experiment.source.split(experiment.config.data.eval_split).labels
    logits = _own_logits(experiment, models)
    return {
        name: {"accuracy": share(logits[name], labels), "parameters": model.count_params()}
        for name, model in models.items()
    }


def _ensemble(experiment):
    """Accuracy of the mean of some stages' logits, and of each alone."""
    names = list(experiment.config.ensemble)
    labels = experiment.source.split(experiment.config.data.eval_split).labels
    logits = _own_logits(experiment, {name: experiment.networks[name] for name in names})
    mean = np.mean([logits[name].astype("float64") for name in names], axis=0)
    return {
        "accuracy": share(mean, labels),
        "members": {name: share(logits[name], labels) for name in names},
    }


def _own_logits(experiment, models):
    """What networks answer to the evaluated images as the student sees them, a dict by name."""
    seen = {name: (model, "student") for name, model in models.items()}
    return predict(experiment.streams.held_out(), seen)


def _data(experiment):
    settings, source = experiment.config.data, experiment.source
    examples = {
        "train": experiment.streams.pools.of(experiment.last).examples,
        "eval": source.split(settings.eval_split),
    }
    pools = experiment.streams.pools
    return {
        "distilled_on": settings.source if settings.eval_source else None,
        "labelled_images": pools.labels.num_examples if pools.labels.labelled else 0,
        "images": list(sources.describe(experiment.config, pools, examples["eval"])),
        "train_images": examples["train"].num_examples,
        "test_images": examples["eval"].num_examples,
        "train_split": settings.train_split,
        "eval_split": settings.eval_split,
        "skipped": [list(s) for split in examples.values() for s in split.skipped],
    }


def _name(config, teacher):
    return teacher.handle or _network_name(config, teacher.network)


def _network_name(config, network):
    return config[network].model.name or config[network].init


def predict(evaluation, models):
    """The logits of several models, each on its own view, in one pass over the images.

    Args:
        evaluation: `tf.data.Dataset` of `(x, y)`, as from `keras_kd.data.evaluation_dataset`.
        models: dict name -> (model, "student" or "teacher": whose view it sees where x has both).

    Returns:
        dict name -> logits `[N, K]`, NumPy, in the order of the evaluation split.
    """

    def forward(model):
        # `model.predict` would wait for the other workers, which are done.
        return tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    forwards = {name: forward(model) for name, (model, _) in models.items()}
    logits = {name: [] for name in models}
    for x, _ in evaluation:
        for name, (_, role) in models.items():
            images = x[role] if isinstance(x, dict) else x
            logits[name].append(forwards[name](images).numpy())
    return {name: np.concatenate(rows) for name, rows in logits.items()}


def share(logits, labels):
    """Share of examples whose largest logit is their label."""
    return float(np.mean(logits.argmax(axis=-1) == labels))
