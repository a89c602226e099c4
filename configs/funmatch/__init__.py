"""Function matching as published, one file a data set.

Paper: Beyer et al. 2021, "Knowledge distillation: A good teacher is patient and consistent",
arXiv 2106.05237. `recipe()` is what all of them share; a file holds the numbers of its data set,
and the argument behind the colon chooses among them: `--config=configs/funmatch/pets37.py:long`.
"""

from keras_kd.config import base
from keras_kd.utils.names import nearest

# Adam as in the authors' code: its epsilon, and its first moment kept in half the memory.
PAPERS_ADAM = {"epsilon": 1e-8, "momentum_dtype": "bfloat16"}


def recipe(name, source, train_split, eval_split, teacher, **settings):
    """BiT-ResNet-50 learns from a published BiT-R152x2: one view for both, mixup, no labels.

    Args:
        name: name of the experiment.
        source: data set.
        train_split: images to learn from.
        eval_split: images to evaluate on.
        teacher: handle, see `keras_kd.models.bit.published.PUBLISHED`.
        **settings: `epochs`, `temperature`, and of `keras_kd.config.stage` what differs from the
            small data sets' recipes.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    config = base()
    config.name = name
    config.batch_size = 512
    config.data.source = source
    config.data.train_split, config.data.eval_split = train_split, eval_split
    set_sides(config, 160, 128)
    config.data.eval_batch_size = 256
    config.teacher.handle = teacher
    config.student.model = {"name": "bit_resnet", "kwargs": {"depth": 50, "width": 1.0}}
    config.baseline.enabled = False  # the paper's own baselines are other runs
    total, temperature = f"{settings.pop('epochs')} epochs", settings.pop("temperature")
    config.distil.methods = {"soft_targets": {"temperature": temperature}}
    config.distil.optimizer_options = settings.pop("optimizer_options", PAPERS_ADAM)
    config.distil.update(
        {
            "mode": "mix",
            "total": total,
            "warmup": "1500 steps",
            "interval": "1000 steps",
            "optimizer": "adamw",
            "clip": 1.0,
            "label_weight": 0.0,
            **settings,
        }
    )
    return config


def set_sides(config, short, side):
    """Crops of `side` px out of images whose short side has `short` px.

    Args:
        config: ConfigDict of a run, whose evaluation and mild crops, of all stages, are set.
        short: resized short side, px.
        side: side of the crops, px.
    """
    config.data.resolution = side
    config.data.eval_scale = short / side
    for stage in (config.teacher.train, config.baseline, config.distil):
        stage.rc_scale = short / side


def chosen(arguments, groups):
    """What the words of a config's argument mean.

    Args:
        arguments: words with commas between them; at most one of each group.
        groups: dict from name of a group to a dict from word to value; the first is the default.

    Returns:
        (dict from group to the chosen value, list of the chosen words, one of each group).

    Raises:
        ValueError: a word that is in no group, or a second one of a group.
    """
    words = [word.strip() for word in arguments.split(",") if word.strip()]
    known = [word for group in groups.values() for word in group]
    for word in words:
        if word not in known:
            raise ValueError(
                f"the config's argument must be of {', '.join(known)}. "
                f"Received: {arguments!r}.{nearest(word, known)}"
            )
    taken = []
    for name, group in groups.items():
        found = [word for word in words if word in group]
        if len(found) > 1:
            raise ValueError(
                f"the config's argument must name one {name}. Received: {' and '.join(found)}. "
                "Leave one out."
            )
        taken.append(found[0] if found else next(iter(group)))
    return {name: group[word] for (name, group), word in zip(groups.items(), taken)}, taken
