"""How the networks of a run do on classes that came one lesson after the other."""

import numpy as np

from keras_kd.evaluation.groups import group_accuracy
from keras_kd.models.some_classes import known_classes
from keras_kd.run.sources import classes_of


def groups_of(experiment):
    """The classes that stages see apart from others, a list of lists of indices, each once."""
    found = [classes_of(stage, experiment.source) for stage in experiment.stages]
    return [one for place, one in enumerate(found) if one and one not in found[:place]]


def check_student(experiment, network):
    """Refuses stages after which the run's student would lack classes of the data.

    Args:
        experiment: a `keras_kd.run.Experiment`.
        network: that of its last stage.

    Raises:
        ValueError: names the classes and what to write.
    """
    known = known_classes(network)
    if known is None:
        return
    names = experiment.class_names
    missing = [names[one] for one in range(len(names)) if one not in known]
    last = experiment.last
    raise ValueError(
        "The run's student must know all classes of the data, on which it is evaluated. Received: "
        f"stage {last.name!r}, after which it lacks {len(missing)} of {len(names)}: "
        f"{', '.join(map(repr, missing[:5]))}{', ...' if len(missing) > 5 else ''}. Leave "
        f"config.{last.path}.classes empty, or let it name all that are left and extend the "
        f"network of the stage before: config.{last.network}.model.name='extend', with "
        f"config.{last.network}.model.kwargs.of=STAGE."
    )


def group_facts(experiment, logits_of):
    """Accuracy of each stage's network on each group of classes.

    Args:
        experiment: a `keras_kd.run.Experiment` whose stages are done.
        logits_of: function of a dict of networks by name to one of logits `[N, K]` on all
            evaluated images.

    Returns:
        dict: `groups`, a list of dicts of `classes` (names) and `images`; `stages`, from each
        stage's name to a list with one of `group_accuracy` a group; None where it does not know
        the group's classes. None where all stages see all classes.
    """
    groups = groups_of(experiment)
    if not groups:
        return None
    names = experiment.class_names
    labels = experiment.source.split(experiment.config.data.eval_split).labels
    networks = {stage.name: experiment.networks[stage.name] for stage in experiment.stages}
    logits = logits_of(networks)
    return {
        "groups": [
            {"classes": [names[i] for i in group], "images": int(np.isin(labels, group).sum())}
            for group in groups
        ],
        "stages": {
            name: [_known_accuracy(network, logits[name], labels, group) for group in groups]
            for name, network in networks.items()
        },
    }


def _known_accuracy(network, logits, labels, group):
    known = known_classes(network)
    if known is not None and not set(group) <= set(known):
        return None
    return group_accuracy(logits, labels, group)
