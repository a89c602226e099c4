"""Patience: a stage whose `total` was raised goes on, with a schedule made of pieces.

A stage that was never prolonged is one piece: the schedule of its total, from step 0. Raising the
total appends a piece. `prolong="stretch"`: from the step that is saved on, the rate is that of the
last piece's schedule as if it had been as long as it is now (its warm-up too, where that is a
share). `prolong="fresh"`: at the old end a new schedule begins, warm-up and all, over the added
steps. The pieces stand in `lengths.json` beside the stage's checkpoints, and the rate is a function
of them and of the step, so that a prolonged stage resumes as exactly as any.
"""

import itertools
import json
from typing import NamedTuple

from keras_kd.optimizers.spliced import Spliced
from keras_kd.utils.files import write_json


class Piece(NamedTuple):
    """A part of a stage's schedule: it holds from step `since` on, and spans `start` to `stop`."""

    since: int
    start: int
    stop: int


def pieces_of(checkpoints, total, how=""):
    """The pieces of a stage that is to run `total` steps.

    Args:
        checkpoints: `keras_kd.training.checkpoints.Checkpoints` of the stage.
        total: steps of the whole stage.
        how: "stretch" or "fresh" where a lesser total may be recorded; empty where not.

    Returns:
        list of `Piece`, oldest first; the last one stops at `total`. Of other lengths than those
        recorded, where they may not be prolonged, nothing is known here: the checkpoints tell.
    """
    path = checkpoints.folder / "lengths.json"
    saved = checkpoints.steps()
    if not path.exists() or not (saved or checkpoints.best.exists()):
        return [Piece(0, 0, total)]
    pieces = [Piece(**each) for each in json.loads(path.read_text(encoding="utf-8"))["pieces"]]
    if total == pieces[-1].stop:
        return pieces
    if not how or total < pieces[-1].stop:
        return [Piece(0, 0, total)]
    return extended(pieces, total, how, saved[-1] if saved else 0)


def extended(pieces, total, how, step):
    """Pieces that reach up to a raised total.

    Args:
        pieces: list of `Piece`.
        total: steps of the whole stage, more than before.
        how: "stretch" or "fresh".
        step: the step that the stage goes on from.

    Returns:
        list of `Piece`.
    """
    last = pieces[-1]
    if how == "fresh":
        new = Piece(last.stop, last.stop, total)
    else:
        new = Piece(max(step, last.since), last.start, total)
    return [piece for piece in pieces if piece.since < new.since] + [new]


def record(checkpoints, pieces):
    """Writes down the pieces of a stage, before its first step under them."""
    path = checkpoints.folder / "lengths.json"
    value = {"pieces": [piece._asdict() for piece in pieces]}
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != value:
        write_json(path, value)


def ends(pieces):
    """The steps at which a piece ended, or will end: the old ends that were reached, and the last.

    Args:
        pieces: list of `Piece`.

    Returns:
        list of int, rising.
    """
    reached = [a.stop for a, b in itertools.pairwise(pieces) if a.stop <= b.since]
    return [*reached, pieces[-1].stop]


def spliced(pieces, schedule):
    """The learning rate of a whole stage.

    Args:
        pieces: list of `Piece`.
        schedule: function from a length in steps to a schedule of that length.

    Returns:
        a `keras.optimizers.schedules.LearningRateSchedule`.
    """
    schedules = [schedule(piece.stop - piece.start) for piece in pieces]
    if len(pieces) == 1:
        return schedules[0]
    return Spliced(schedules, [p.since for p in pieces], [p.start for p in pieces])
