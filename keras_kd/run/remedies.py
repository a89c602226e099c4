"""What would mend a teacher that is not right: other pixel values, another order of its classes."""

import re
from typing import NamedTuple

import keras
import numpy as np

from keras_kd.evaluation.chance import best_order, is_useful, reordered, turns_right, verdict
from keras_kd.models.answers import ClassOrder
from keras_kd.models.value_range import CANONICAL
from keras_kd.run.networks import OWN_SECTION
from keras_kd.run.shown import EACH
from keras_kd.utils.files import write_atomically
from keras_kd.utils.words import percent

# Keys of a network's section that say how pixels are read, one in the other's place; their words.
RANGES = tuple(
    ({"input_range": ends, "normalization": ""}, "pixels from {:g} to {:g}".format(*ends))
    for ends in CANONICAL
)
IN_COLOUR = (({"input_range": (), "normalization": "imagenet"}, "ImageNet's mean and deviation"),)
NOTABLE = 0.02  # of the share of right answers: less is no reason for a longer advice


class Try(NamedTuple):
    """One way to read a teacher.

    Attributes:
        words: what is other.
        share: of right answers.
        helps: whether that is more than chance; of an order that was chosen to suit, whether it is
            much more, on images that did not choose it.
        changes: values by the key of the section that brings it about.
        order: int `[K]`, the class that each output stands for; None: as they come.
    """

    words: str
    share: float
    helps: bool
    changes: dict
    order: np.ndarray | None = None


def remedies(shown, member=0):
    """What was tried for a teacher, and the keys that bring about what helps, as sentences.

    Args:
        shown: `keras_kd.run.shown.Shown`.
        member: number of the member of an ensemble that it is about, from 1; 0: the teacher.

    Returns:
        str.
    """
    tries = _tries(shown, member)
    told = "; ".join(f"{one.words}: {percent(one.share, 1)}" for one in tries)
    # A key of the section is of all members.
    section = shown.teacher.network if not member else ""
    where = f"--config.{section}." if section else OWN_SECTION
    best = max((one for one in tries if one.helps), key=lambda one: one.share, default=None)
    # What few words bring about is believed before what any order could.
    simple = [one for one in tries if one.helps and best and one.share >= best.share - NOTABLE]
    if simple:
        chosen = simple[0]
        changes = dict(chosen.changes)
        if chosen.order is not None:
            changes["classes"] = _write_names(shown, chosen.order, member)
        changes = {key: value for key, value in changes.items() if value or shown.section.get(key)}
        keys = " ".join(f'{where}{key}="{value}"' for key, value in changes.items())
        advice = f"Start again with {keys}, under which it is right on {percent(chosen.share, 1)}."
    elif len(shown) < EACH * shown.experiment.source.num_classes:
        advice = (
            f"None of these makes it right, but {len(shown):,} images are too few to find an order "
            f"of so many classes: if the names of its classes are known, {where}classes=FILE, one "
            "a line."
        )
    else:
        advice = (
            "None of these makes it right: take a teacher of these classes, or "
            f"{shown.fine_tune(member)}; if the names of its classes are known, "
            f"{where}classes=FILE, one a line."
        )
    return f"Tried: {told}. {advice} To let it teach all the same, {where}accept=True."


def better_reading(shown, member, given):
    """The pixel values with which a teacher is right notably more often.

    Args:
        shown: `keras_kd.run.shown.Shown`.
        member: as for `remedies`.
        given: int `[N]`, its answers now.

    Returns:
        a `Try`; None where there are none.
    """
    found = []
    for changes, words in _readings(shown):
        labels, answers = _look(shown, member, changes)
        count = min(len(labels), len(given))
        if turns_right(labels[:count], given[:count], answers[:count], NOTABLE):
            found.append(_in_order(changes, words, labels, answers))
    return max(found, key=lambda one: one.share, default=None)


def _readings(shown):
    return RANGES + IN_COLOUR * (shown.experiment.channels == 3)


def _tries(shown, member):
    """Every `Try` that is worth telling, the simplest first."""
    now = {}, "", *_look(shown, member, {})
    others = [
        (changes, words, *_look(shown, member, changes)) for changes, words in _readings(shown)
    ]
    # The one that the teacher is read by already answers the same.
    others = [one for one in others if not np.array_equal(one[-1], now[-1])]
    found = [_in_order(*one) for one in others]
    found.extend(_in_other_orders(shown, *now))
    both = [one for other in others for one in _in_other_orders(shown, *other) if one.helps]
    best = max((one.share for one in found if one.helps), default=0.0)
    return found + [one for one in both if one.share > best + NOTABLE][:1]


def _in_order(changes, words, labels, answers):
    judged = verdict(labels, answers)
    return Try(words, judged.share, judged.better, changes)


def _in_other_orders(shown, changes, words, labels, answers):
    """The teacher with its classes in natural order, and in the one that suits it best."""
    names, before = shown.experiment.source.class_names, f"{words} and " if words else ""
    natural = natural_order(names)
    if natural is not None:
        judged = verdict(labels, natural[answers])
        text = f"{before}its classes in natural order ({', '.join(_few(names, natural))})"
        yield Try(text, judged.share, judged.better, changes, natural)
    order = best_order(labels, answers, len(names))
    judged = verdict(labels, reordered(labels, answers, len(names)))
    share = float(np.mean(order[answers] == labels))
    text = f"{before}its classes in the order that suits best"
    yield Try(text, share, is_useful(judged), changes, order)


def _look(shown, member, changes):
    labels, answers = shown.look(**changes)
    return labels, answers[member][1]


def natural_order(names):
    """Class names as people count: 1, 2, 10 in the place of 1, 10, 2.

    Args:
        names: the data's, in order.

    Returns:
        int `[K]`: for each output of a network that learned them in natural order the class that it
        stands for; None where both orders are the same.
    """

    def key(index):
        parts = re.split(r"(\d+)", names[index])
        return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in parts]

    order = sorted(range(len(names)), key=key)
    return None if order == list(range(len(names))) else np.array(order)


def _few(names, order, count=3):
    return [names[index] for index in order[:count]] + ["..."] * (len(names) > count)


def _write_names(shown, order, member):
    """A file of the names in the order of the teacher's outputs: what `classes` takes."""
    names = shown.experiment.source.class_names
    own = [names[index] for index in order]
    model = shown.load()
    given = _given_order(list(model.members().values())[member - 1] if member else model)
    if given is not None:  # it has an order already, which turned out wrong
        lines = [f"other {index}" for index in range(given.num_outputs)]
        for index, name in zip(given.indices, own):
            lines[index] = name
        own = lines
    path = shown.experiment.path / f"{shown.teacher.network or 'teacher'}_classes.txt"
    write_atomically(path, lambda file: file.write("\n".join([*own, ""]).encode()))
    return path


def _given_order(model):
    """The `ClassOrder` of a teacher whose classes were put in order already, or None."""
    for layer in model.layers:
        found = _given_order(layer) if isinstance(layer, keras.Model) else layer
        if isinstance(found, ClassOrder):
            return found
    return None
